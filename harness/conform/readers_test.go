package conform

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/reader"
)

// The readers of the toys.
const (
	toyReader  node.ID  = 40
	otherToy   node.ID  = 41
	toyQuery   node.Txn = 7
	otherQuery node.Txn = 8
)

func withReaders(groups int) *node.Volume {
	v := toyVolume(groups, 3, 2, 2)
	v.Readers = []node.ID{toyReader, otherToy}
	return v
}

// reads lets the reader follow a writer and serve what is durable.
func (y *toy) reads(w *toyWriter) {
	y.tell(toyReader, node.Trace{Action: node.ActLose})
	y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: w.epoch})
	y.tell(toyReader, node.Trace{Action: node.ActAnew, Epoch: w.epoch, LSN: w.end(), Detail: &node.AnewStep{VDL: w.vdl()}})
}

// asks begins a query at what the writer has durable.
func (y *toy) asks(w *toyWriter) {
	y.tell(toyReader, node.Trace{Action: node.ActBegin, Epoch: w.epoch, Txn: toyQuery, LSN: w.vdl()})
}

// version returns the page of a row and its newest record at or below l.
func (w *toyWriter) version(key string, l node.LSN) (node.PageID, node.LSN) {
	p := w.pageOf(key)
	for ; l > 0 && w.at(l).Page != p; l-- {
	}
	return p, l
}

func (y *toy) uses(a node.Action, p node.PageID, l node.LSN, from node.ID) {
	y.tell(toyReader, node.Trace{Action: a, Epoch: 1, Txn: toyQuery, Page: p, LSN: l, From: from})
}

func (y *toy) shows(more bool, rows ...node.Row) {
	y.tell(toyReader, node.Trace{Action: node.ActShow, Epoch: 1, Txn: toyQuery, Detail: &node.Shown{Rows: rows, More: more}})
}

func row(key, value string) node.Row { return node.Row{Key: key, Value: node.Some(value)} }

// More is written, and made durable, that the reader has not heard of when its query goes on.
func TestReadersOfALegalRun(t *testing.T) {
	v := withReaders(2)
	var x *Validator
	s := scenario{volume: v, play: func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant", "bee", "cow", "dog")
		y.reads(w)
		y.asks(w)
		at := w.vdl()
		p, l := w.version("ant", at)
		y.uses(node.ActReadStored, p, l, y.segment(int(v.GroupOf(p)), 0).id)
		y.shows(false, row("ant", "ant'"), row("bee", "bee'"), row("cow", "cow'"), row("dog", "dog'"))
		y.shows(true, row("ant", "ant'"))
		open := w.begin()
		must(w.write(open, "ant", "2", true))
		w.replicate(w.end())
		must(w.advance())
		y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: w.end()})
		y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 1, LSN: w.vdl()})
		y.uses(node.ActReadStored, p, l, y.segment(int(v.GroupOf(p)), 1).id) // still as of the query
		y.tell(toyReader, node.Trace{Action: node.ActBegin, Epoch: 1, Txn: otherQuery, LSN: w.vdl()})
		y.tell(toyReader, node.Trace{Action: node.ActReadCached, Epoch: 1, Txn: otherQuery, Page: p, LSN: w.end()})
		y.tell(toyReader, node.Trace{Action: node.ActShow, Epoch: 1, Txn: otherQuery, Detail: &node.Shown{From: "ant", To: "bee", Rows: []node.Row{row("ant", "ant'")}}})
		y.tell(w.id, node.Trace{Action: node.ActReport, Epoch: 1, From: toyReader, LSN: at})
		y.tell(w.id, node.Trace{Action: node.ActGiveUp, Epoch: 1, From: otherToy})
		y.tell(w.id, node.Trace{Action: node.ActCollect, Epoch: 1, LSN: at})
		y.tell(toyReader, node.Trace{Action: node.ActFinish, Epoch: 1, Txn: toyQuery})
		n := y.fenced(0, 1)
		must(n.decide())
		y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 2, LSN: n.end()})
		y.tell(toyReader, node.Trace{Action: node.ActFinish, Epoch: 1, Txn: otherQuery})
		y.tell(toyReader, node.Trace{Action: node.ActPromote, Epoch: 2})
		y.tell(toyReader, node.Trace{Action: node.ActLose}) // its process started again
		y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 2})
	}}
	x, errs := s.tell(t)
	var violation *Violation
	if errors.As(errors.Join(errs...), &violation) {
		t.Fatal(violation.Explain())
	}
	require.NoError(t, x.Finish())
	c := x.ReaderCounts()
	require.Equal(t, ReaderCounts{Delivers: 1, Tells: 1, Follows: 3, Loses: 2, Anews: 1, Begins: 2, Cached: 1, Stored: 2, Shows: 3, Rows: 4 + 2 + 1,
		Finishes: 2, Reports: 1, GivenUp: 1, Collects: 1, Promotes: 1, Overtaken: 1}, c)
}

func readerScenarios() []scenario {
	v := withReaders(1)
	// Each begins with rows ant and bee committed, and a reader that serves them to a query.
	with := func(play func(y *toy, w *toyWriter)) func(y *toy) {
		return func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant", "bee")
			y.reads(w)
			y.asks(w)
			play(y, w)
		}
	}
	tells := func(a node.Action, l node.LSN) func(y *toy) {
		return with(func(y *toy, w *toyWriter) { y.tell(toyReader, node.Trace{Action: a, Epoch: 1, Txn: toyQuery, LSN: l}) })
	}
	shows := func(more bool, rows ...node.Row) func(y *toy) {
		return with(func(y *toy, w *toyWriter) { y.shows(more, rows...) })
	}
	return []scenario{
		{"a reader follows an epoch that nobody has won", v, func(y *toy) {
			y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 2})
		}, "Follow", string(reader.NoNewer), "may not follow"},
		{"a reader has records before it has begun", v, func(y *toy) {
			y.committed(y.writer(1), "ant")
			y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 1})
			y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: 1})
		}, "Deliver", string(reader.Off), "may not deliver"},
		{"a reader has records that nobody wrote", v, tells(node.ActDeliver, 4), "Deliver", string(reader.NothingMore), "may not deliver"},
		{"a stranger is no reader", v, func(y *toy) {
			y.tell(60, node.Trace{Action: node.ActPromote, Epoch: 1})
		}, "Promote", string(reader.NoReader), "may not promote"},
		{"a reader speaks of a log that it does not follow", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 2, LSN: 3})
		}), "Tell", ruleOwn, "follows that of 1"},
		{"a reader is told of what is not durable", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "cow", "1", true)
			y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: 4})
			y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 1, LSN: 4})
		}), "Tell", string(reader.NotDurable), "may not tell"},
		{"a reader is told of less than before", v, tells(node.ActTell, 2), "Tell", string(reader.NotNewer), "may not tell"},
		{"a reader is told of half a mini-transaction", v, with(func(y *toy, w *toyWriter) {
			open := w.begin()
			must(w.write(open, "cow", "1", false))
			must(w.write(open, "dog", "1", true))
			w.replicate(4)
			w.replicate(5)
			must(w.advance())
			y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 1, LSN: 4})
		}), "Tell", string(reader.NoCPL), "may not tell"},
		{"a query begins behind the view", v, tells(node.ActBegin, 1), "Begin", string(reader.OtherPoint), "may not begin"},
		{"a query begins beyond the view", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "cow", "1", true)
			w.replicate(4)
			must(w.advance())
			y.tell(toyReader, node.Trace{Action: node.ActBegin, Epoch: 1, Txn: otherQuery, LSN: 4})
		}), "Begin", string(reader.OtherPoint), "may not begin"},
		{"a cached page misses a record", v, with(func(y *toy, w *toyWriter) {
			p, l := w.version("ant", 3)
			y.uses(node.ActReadCached, p, l-1, 0)
		}), "ReadCached", string(reader.OtherVersion), "may not readcached"},
		{"a cached page has moved past the query", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "ant", "2", true)
			w.replicate(4)
			must(w.advance())
			y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: 4})
			y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 1, LSN: 4})
			p, _ := w.version("ant", 4)
			y.uses(node.ActReadCached, p, 4, 0)
		}), "ReadCached", string(reader.Unfit), "may not readcached"},
		{"a segment answers that lacks what the page needs", v, func(y *toy) {
			w := y.writer(1)
			open := w.begin()
			must(w.write(open, "ant", "1", true))
			y.store(w, 1, 0, 1)
			must(w.advance())
			y.reads(w)
			y.asks(w)
			y.uses(node.ActReadStored, w.pageOf("ant"), 1, y.segment(0, 2).id)
		}, "ReadStored", string(reader.Lagging), "may not readstored"},
		{"a segment sends another version", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "ant", "2", true)
			w.replicate(4)
			must(w.advance())
			y.uses(node.ActReadStored, w.pageOf("ant"), 4, y.segment(0, 0).id)
		}), "ReadStored", string(reader.OtherVersion), "may not readstored"},
		{"a page comes from a reader", v, with(func(y *toy, w *toyWriter) {
			y.uses(node.ActReadStored, w.pageOf("ant"), 1, otherToy)
		}), "ReadStored", ruleKnown, "read page"},
		{"a query is shown another value", v, shows(false, row("ant", "ant'"), row("bee", "wrong")), "Show", ruleShown, `row "bee"`},
		{"a query misses a row", v, shows(false, row("ant", "ant'")), "Show", ruleShown, `row "bee"`},
		{"a query is shown a row that is not there", v, shows(false, row("ant", "ant'"), row("bat", "1"), row("bee", "bee'")), "Show", ruleShown, `row "bat"`},
		{"a query is shown a row behind the last", v, shows(false, row("ant", "ant'"), row("bee", "bee'"), row("fox", "1")), "Show", ruleShown, `row "fox"`},
		{"a query is told of more rows", v, shows(true, row("ant", "ant'"), row("bee", "bee'")), "Show", ruleShown, "more rows"},
		{"a query is shown what did not commit", v, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			w.replicate(1)
			must(w.advance())
			y.reads(w)
			y.asks(w)
			y.shows(false, row("ant", "1"))
		}, "Show", ruleShown, `row "ant"`},
		{"a show without rows", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActShow, Epoch: 1, Txn: toyQuery})
		}), "Show", ruleComplete, "carries no rows"},
		{"a query that never began is shown rows", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActShow, Epoch: 1, Txn: otherQuery, Detail: &node.Shown{}})
		}), "Show", string(reader.NoQuery), "may not show"},
		{"a query ends twice", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActFinish, Epoch: 1, Txn: toyQuery})
			y.tell(toyReader, node.Trace{Action: node.ActFinish, Epoch: 1, Txn: toyQuery})
		}), "Finish", string(reader.NoQuery), "may not finish"},
		{"a reader reports its view and forgets its query", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "ant", "2", true)
			w.replicate(4)
			must(w.advance())
			y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: 4})
			y.tell(toyReader, node.Trace{Action: node.ActTell, Epoch: 1, LSN: 4})
			y.tell(w.id, node.Trace{Action: node.ActReport, Epoch: 1, From: toyReader, LSN: 4})
		}), "Report", string(reader.AboveLowest), "may not report"},
		{"a report says nothing new", v, with(func(y *toy, w *toyWriter) {
			y.tell(w.id, node.Trace{Action: node.ActReport, Epoch: 1, From: toyReader, LSN: 2})
			y.tell(w.id, node.Trace{Action: node.ActReport, Epoch: 1, From: toyReader, LSN: 2})
		}), "Report", string(reader.NoHigher), "may not report"},
		{"the floor forgets a reader", v, with(func(y *toy, w *toyWriter) {
			y.tell(w.id, node.Trace{Action: node.ActReport, Epoch: 1, From: toyReader, LSN: 2})
			y.tell(w.id, node.Trace{Action: node.ActCollect, Epoch: 1, LSN: 2}) // nothing was heard of the other
		}), "Collect", string(reader.NotCounted), "may not collect"},
		{"the floor is above what is durable", v, with(func(y *toy, w *toyWriter) {
			y.tell(w.id, node.Trace{Action: node.ActCollect, Epoch: 1, LSN: 4})
		}), "Collect", string(reader.NotDurable), "may not collect"},
		{"a reader speaks for a segment's writer", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActCollect, Epoch: 1, LSN: 1})
		}), "Collect", ruleWriter, "speaks for the writer"},
		{"a reader that serves begins anew", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActAnew, Epoch: 1, LSN: 3, Detail: &node.AnewStep{VDL: 3}})
		}), "Anew", string(reader.NotOff), "may not anew"},
		{"a reader begins with what is not durable", v, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 1})
			y.tell(toyReader, node.Trace{Action: node.ActAnew, Epoch: 1, LSN: 1, Detail: &node.AnewStep{VDL: 1}})
		}, "Anew", string(reader.NotDurable), "may not anew"},
		{"a reader keeps what the new writer cut", v, with(func(y *toy, w *toyWriter) {
			w.write(w.begin(), "ant", "2", true)
			y.tell(toyReader, node.Trace{Action: node.ActDeliver, Epoch: 1, LSN: 4})
			n := y.fenced(0, 1)
			must(n.decide())
			y.tell(toyReader, node.Trace{Action: node.ActFollow, Epoch: 2, LSN: 4})
		}), "Follow", string(reader.OtherTail), "may not follow"},
		{"a reader is promoted twice", v, with(func(y *toy, w *toyWriter) {
			y.tell(toyReader, node.Trace{Action: node.ActPromote, Epoch: 1})
			y.tell(toyReader, node.Trace{Action: node.ActPromote, Epoch: 1})
		}), "Promote", string(reader.NoReader), "may not promote"},
	}
}

// Every guard of the model of readers that a trace can run into is in a scenario. Collected is not: a floor above a query of a
// reader that is held breaks NeededIsKept first, and for one that is not held the model does not know when its segment answered.
func TestEveryGuardOfReadersRefuses(t *testing.T) {
	var refused []string
	for _, s := range readerScenarios() {
		refused = append(refused, s.rule)
	}
	for _, g := range []reader.Refusal{reader.NoReader, reader.NothingMore, reader.NotDurable, reader.NotNewer, reader.NoCPL, reader.NoQuery,
		reader.OtherPoint, reader.Unfit, reader.OtherVersion, reader.Lagging, reader.NoHigher, reader.AboveLowest, reader.NotCounted,
		reader.NoNewer, reader.OtherTail, reader.Off, reader.NotOff} {
		require.True(t, slices.Contains(refused, string(g)), "%s", g)
	}
}
