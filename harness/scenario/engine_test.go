package scenario

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/node"
)

// play does commands, of which only the last may fail.
func play(t *testing.T, of aurora.Implementation, commands ...string) (*Engine, string, error) {
	e := New(of)
	t.Cleanup(e.Close)
	for i, c := range commands {
		line, input, _ := strings.Cut(c, "\n")
		text, err := e.Do("x:1", line, input)
		if i == len(commands)-1 {
			return e, text, err
		}
		require.NoError(t, err, c)
	}
	return e, "", nil
}

var setup = []string{"volume replicas=3 write-quorum=2 read-quorum=2 readers=1", "start", "txn t\nput X=1\ncommit"}

// A typo that is passed over makes a scenario show something else than it says.
func TestWhatACommandDoesNotTakeIsRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                       `x:1: : the line: found "", want a command`,
		"strat":                  `x:1: strat: the name: found "strat", want one of volume, start,`,
		"start now":              `x:1: start: words: found "now", want no word`,
		"start":                  `x:1: start: a writer: found "writer-1", want none before the first`,
		"status\nput X=1":        `x:1: status: a line below: found "put X=1", want none`,
		"crash":                  `x:1: crash: words: found "", want 1 or more`,
		"crash D":                `x:1: crash: a process: found "D", want one of A, B, C, register, reader-1, writer-1`,
		"tick time=3":            `x:1: tick: a key: found "time", want one of times`,
		"tick times=3 times=4":   `x:1: tick: a key: found "times=4", want each of them once`,
		"tick times=0":           `x:1: tick: times: found "0", want a number from 1 to 10000`,
		"tick times=many":        `x:1: tick: times: found "many", want a number from 1 to 10000`,
		"reach A":                `x:1: reach: lsn: found "", want a number from 1 to`,
		"reach lsn=3":            `x:1: reach: words: found "", want 1 or more`,
		"volume bug=bugNoSuch":   `x:1: volume: unknown planted bug "bugNoSuch"`,
		"lose joins":             `x:1: lose: a type of message: found "joins", want one of append,`,
		"restart A":              `x:1: restart: a process: found "A", want one that is down`,
		"corrupt A byte=1":       `x:1: corrupt: a segment: found "A", want one that is down`,
		"promote A":              `x:1: promote: a reader: found "A", want a reader that runs`,
		"fill through=3":         `x:1: fill: through: found "3", want anything else, because the log ends at 2`,
		"txn u":                  `x:1: txn: the lines below: found "", want at least one`,
		"txn u\nput X=1\ngive X": `x:1: txn: a line below: found "give X", want put, delete,`,
		"txn u\nget":             `x:1: txn: a line below: found "get", want 1 to 1 arguments of get`,
		"txn u\nput X":           `x:1: txn: a row: found "X", want KEY=VALUE`,
		"txn u\nput X=a*b":       `x:1: txn: a row: found "b", want a number`,
		"txn u\nput X=ab*40000":  `x:1: txn: a row: found "40000", want a number from 0 to 32768`,
		"txn u at=Z\nget X":      `x:1: txn: a process: found "Z"`,
		"volume groups=10":       `x:1: volume: groups: found "10", want a number from 1 to 9`,
		"volume write-quorum=7":  `write quorum 7, want 1 to 6`,
		"volume replicas=2 " + strings.Repeat("x", maxLine): `want at most 4096`,
	} {
		e, _, err := play(t, aurora.Ours(), append(slices.Clone(setup), line)...)
		var wrong *Error
		require.ErrorAs(t, err, &wrong, line)
		require.Contains(t, err.Error(), want, line)
		text, err := e.Do("x:2", "read X", "")
		require.NoError(t, err, "after %q nothing was done, and the scenario goes on", line)
		require.Equal(t, "X = 1\n", text)
	}
	_, _, err := play(t, aurora.Ours(), "start")
	require.EqualError(t, err, `x:1: start: the first command: found "start", want volume`)
	_, _, err = play(t, aurora.Ours(), "volume", "txn t\nget X")
	require.EqualError(t, err, `x:1: txn: a writer: found "", want start before it`)
	_, _, err = play(t, aurora.Ours(), append(slices.Clone(setup), "crash A", "corrupt A byte=100000")...)
	require.ErrorContains(t, err, "bytes of the log")
	_, _, err = play(t, aurora.Ours(), append(slices.Clone(setup), "crash B C", "pages")...)
	require.ErrorContains(t, err, "segments to compare")
}

// A green that ran nothing is none.
func TestAScenarioThatShowsNothing(t *testing.T) {
	e, _, _ := play(t, aurora.Ours())
	require.ErrorIs(t, e.Finish(), ErrNothing)
	e, _, err := play(t, aurora.Ours(), setup...)
	require.NoError(t, err)
	require.NoError(t, e.Finish())
}

// A stranger is a segment of ours that does to its effects what a test wants.
type stranger struct {
	node.Node
	spoil func(*node.Effects)
}

func (s *stranger) Step(now node.Time, ev node.Event, out *node.Effects) {
	s.Node.Step(now, ev, out)
	s.spoil(out)
}

func (s *stranger) State() node.State { return s.Node.(node.Teller).State() }

// strange is our implementation with one segment that is spoiled.
func strange(id node.ID, spoil func(*node.Effects)) aurora.Implementation {
	of := aurora.Ours()
	ours := of.Segment
	of.Segment = func(i node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		if i != id {
			return ours(i, v, n, h)
		}
		return &stranger{ours(i, v, n, h), spoil}
	}
	return of
}

// A segment that answers before anything is on its disk does not show it until it dies.
func TestASegmentThatForgetsIsRefused(t *testing.T) {
	of := strange(1, func(out *node.Effects) {
		out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool { return e.Kind == node.DoAppend })
	})
	e, _, err := play(t, of, append(slices.Clone(setup), "crash A", "restart A")...)
	var refused *conform.Violation
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "Holds", refused.Action)
	require.ErrorContains(t, err, "x:1: restart: trace: ")
	_, again := e.Do("x:2", "status", "")
	require.Equal(t, err, again, "nothing follows from what comes after a step that the model refuses")
	require.Equal(t, err, e.Finish())
}

// What a disk that is held was asked waits for its release, and is lost in a crash; after it the disk works as before.
func TestADiskThatIsHeld(t *testing.T) {
	e, text, err := play(t, aurora.Ours(), append(slices.Clone(setup), "hold A", "txn u\nput X=2\ncommit", "log")...)
	require.NoError(t, err)
	require.Equal(t, "LSN  A B C\n1    1 1 1\n2    1 1 1\n3    . 1 1\n4    . 1 1\n", text)
	do := func(line, input string) string {
		text, err := e.Do("x:2", line, input)
		require.NoError(t, err)
		return text
	}
	do("release A", "")
	require.Contains(t, do("log", ""), "\n3    1 1 1\n4    1 1 1\n")
	do("hold A", "")
	do("txn v", "put X=3\ncommit")
	do("crash A", "")
	_, err = e.Do("x:3", "hold A", "")
	require.ErrorContains(t, err, `hold: a process: found "A", want one that runs`)
	do("restart A", "")
	require.Contains(t, do("log", ""), "\n5    . 1 1\n6    . 1 1\n", "it was lost")
	do("tick times=4", "")
	require.Contains(t, do("log", ""), "\n5    1 1 1\n6    1 1 1\n")
	require.NoError(t, e.Finish())
}

// Messages that are lost by their type stop a take-over in its middle.
func TestMessagesOfATypeAreLost(t *testing.T) {
	e, text, err := play(t, aurora.Ours(), append(slices.Clone(setup), "lose join", "take-over")...)
	require.NoError(t, err)
	require.Contains(t, text, "promises epoch 2")
	require.NotContains(t, text, "follows epoch 2")
	_, err = e.Do("x:2", "heal", "")
	require.NoError(t, err)
	text, err = e.Do("x:2", "tick times=3", "")
	require.NoError(t, err)
	require.Contains(t, text, "A follows epoch 2")
	require.Contains(t, text, "epoch 2 is open")
}

func TestQuietCommandsShowNothing(t *testing.T) {
	e, text, err := play(t, aurora.Ours(), append(slices.Clone(setup), "quiet", "read X")...)
	require.NoError(t, err)
	require.Empty(t, text)
	text, err = e.Do("x:2", "status", "")
	require.NoError(t, err)
	require.Empty(t, text)
}

// A planted bug is in the nodes of one volume, where the implementation has bugs of its own; ours has them in a build with the overlay.
func TestAPlantedBugOfAVolume(t *testing.T) {
	of := aurora.Ours()
	ours := of.Segment
	of.Bugs = []faults.PlantedBug{{Name: "bugForgets"}}
	of.Segment = func(i node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		if h.Planted("bugForgets") {
			return &stranger{ours(i, v, n, h), func(out *node.Effects) {
				out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool { return e.Kind == node.DoAppend })
			}}
		}
		return ours(i, v, n, h)
	}
	then := append(slices.Clone(setup[1:]), "crash A", "restart A")
	_, _, err := play(t, of, append([]string{setup[0]}, then...)...)
	require.NoError(t, err)
	_, _, err = play(t, of, append([]string{setup[0] + " bug=bugForgets"}, then...)...)
	var refused *conform.Violation
	require.ErrorAs(t, err, &refused)
	if _, _, err = play(t, aurora.Ours(), "volume bug=bugAckBeforeSync"); !harness.HasPoints() {
		require.ErrorIs(t, err, faults.ErrNoOverlay)
	}
}

func TestPagesThatDifferAreFound(t *testing.T) {
	of := strange(2, func(out *node.Effects) {
		for i := range out.List {
			if image, is := out.List[i].Message.(*node.PageImage); is && out.List[i].To == clientID {
				other := *image
				other.Image = slices.Clone(image.Image)
				other.Image[7] ^= 1
				out.List[i].Message = &other
			}
		}
	})
	_, _, err := play(t, of, append(slices.Clone(setup), "pages")...)
	var differ *PageError
	require.ErrorAs(t, err, &differ)
	require.Equal(t, PageError{Page: 0, At: 2, One: "A", Other: "B", Byte: 7}, *differ)
	require.ErrorContains(t, err, "page 0 as of LSN 2: expected equal bytes of A and B, found the first that differs at byte 7")
}

func TestASegmentThatShowsNoPageIsNamed(t *testing.T) {
	of := strange(3, func(out *node.Effects) {
		out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool {
			_, is := e.Message.(*node.PageImage)
			return is && e.To == clientID
		})
	})
	_, _, err := play(t, of, append(slices.Clone(setup), "pages")...)
	require.ErrorContains(t, err, "expected its image from C, found no answer")
}

func TestNodesThatDoNotComeToRest(t *testing.T) {
	of := strange(1, func(out *node.Effects) { out.Send(1, &node.Ping{}) })
	_, _, err := play(t, of, "volume")
	require.ErrorIs(t, err, errRestless)
}

func TestAnEffectOfAnUnknownKind(t *testing.T) {
	of := strange(1, func(out *node.Effects) { out.List = append(out.List, node.Effect{Kind: 99}) })
	_, _, err := play(t, of, "volume")
	require.ErrorContains(t, err, "x:1: volume: A: expected an effect of package node, found one of kind 99")
}

// A node need not tell its state, and one of a role that the lecture does not know is shown as it tells.
func TestAStateThatIsNotTold(t *testing.T) {
	of := aurora.Ours()
	ours := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return struct{ node.Node }{ours(id, v, n, h)}
	}
	e, text, err := play(t, of, append(slices.Clone(setup), "status")...)
	require.NoError(t, err)
	require.Contains(t, text, "A runs, and tells no state\nB runs,")
	_, err = e.Do("x:2", "pages", "")
	require.ErrorContains(t, err, `a segment: found "A", want one that tells its state`)
}

// A second volume ends the first one, whose model is asked what does not hold at its end.
func TestASecondVolumeBeginsAnew(t *testing.T) {
	_, text, err := play(t, aurora.Ours(), append(slices.Clone(setup), setup[0], "start", "read X")...)
	require.NoError(t, err)
	require.Equal(t, "X = none\n", text)
}

// The numbers of writers go on whoever is asked: a promoted reader is none of them.
func TestAWriterAfterAPromotedReader(t *testing.T) {
	_, text, err := play(t, aurora.Ours(), append(slices.Clone(setup), "tick", "promote reader-1", "crash reader-1", "take-over", "status")...)
	require.NoError(t, err)
	require.Contains(t, text, "writer-2: open, epoch 3")
}

// A timer that was cleared or moved in the same tick does not fire in it: the contract of nodes says so.
func TestATickFiresWhatIsSet(t *testing.T) {
	s := &stage{procs: map[node.ID]*process{}, model: nil}
	var fired []node.Timer
	s.procs[1] = &process{name: "A", timers: []node.Timer{1, 2, 3}, node: timers(func(timer node.Timer, out *node.Effects) {
		fired = append(fired, timer)
		if timer == 1 {
			out.ClearTimer(2)
			out.SetTimer(3, 1)
		}
	})}
	require.NoError(t, s.cmdTick(&call{}))
	require.Equal(t, []node.Timer{1}, fired)
	require.NoError(t, s.cmdTick(&call{}))
	require.Equal(t, []node.Timer{1, 3}, fired)
}

type timers func(node.Timer, *node.Effects)

func (f timers) Step(_ node.Time, ev node.Event, out *node.Effects) { f(ev.Timer, out) }

func TestADiskKeepsWhatWasSynced(t *testing.T) {
	var d disk
	read := func(from, size int) string {
		done, err := d.do(&node.Effect{Kind: node.DoRead, File: "log", From: from, Size: size, Token: 9})
		require.NoError(t, err)
		require.Equal(t, node.Token(9), done.Token)
		return string(done.Data)
	}
	do := func(e node.Effect) {
		_, err := d.do(&e)
		require.NoError(t, err)
	}
	do(node.Effect{Kind: node.DoAppend, File: "log", Data: []byte("ab")})
	require.Equal(t, "b", read(1, 5), "what was appended is read, durable or not")
	require.Empty(t, d.file("log").Data)
	do(node.Effect{Kind: node.DoSync})
	require.Equal(t, "ab", string(d.file("log").Data))
	do(node.Effect{Kind: node.DoReplace, File: "log", Data: []byte("xyz")})
	require.Equal(t, "y", read(1, 1))
	require.Equal(t, "", read(7, 1))
}

// The package's documentation is the reference of the commands, so it has every one, and every key.
func TestTheDocumentationHasEveryCommand(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, c := range commands() {
		at := strings.Index(string(text), "\n//	"+c.name)
		require.Positive(t, at, c.name)
		line, _, _ := strings.Cut(string(text[at:]), "\n//\n")
		for _, k := range c.keys {
			require.Contains(t, line, k+"=", c.name)
		}
	}
	require.True(t, errors.Is(&Error{Err: ErrNothing}, ErrNothing))
}
