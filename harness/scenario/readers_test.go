package scenario

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/writer"
)

const firstReader = node.ID(150)

// addReaders starts the readers, reader-1 and so on. They hear of the writer at its first tick.
func (s *stage) addReaders() {
	for i, id := range s.volume.Readers {
		s.add(id, fmt.Sprintf("reader-%d", i+1), func() node.Node {
			limits := reader.DefaultLimits()
			return reader.New(reader.Config{ID: id, Volume: s.volume, CachePages: 8, RetryEvery: time.Second, IdleAfter: time.Hour, Limits: limits,
				Writer: writer.Config{CachePages: 8, RetryEvery: time.Second, IdleAfter: time.Hour, Limits: writer.DefaultLimits()}}, node.NoHook{})
		})
		s.boot(id)
	}
}

// promote READER makes a reader the writer, whom clients talk to from then on.
func (s *stage) cmdPromote() {
	id := s.find(letters(s.d)[0])
	s.writer = id
	s.step(id, node.Event{Kind: node.Received, Message: &node.Promote{}})
	s.run()
}

func (s *stage) sayReader(name string, r *reader.Reader) {
	if w := r.Writer(); w != nil {
		s.say("%s: %s, epoch %d, VDL %d of %d, %d warm pages", name, w.Phase(), w.Epoch(), w.VDL(), w.End(), w.Warmed())
		return
	}
	what := "serves"
	if !r.Serving() {
		what = "does not serve"
	}
	c := r.Counters()
	s.say("%s: view %d, %s; %d pages read, begun anew %d times, %d queries too late", name, r.View(), what, c.PagesRead, c.Anew, c.Collected)
}
