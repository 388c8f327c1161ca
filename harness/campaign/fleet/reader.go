package fleet

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// read reads the stream of outcomes from its beginning, over every restart of the server. It closes caughtUp when it has read what was there
// when it began.
func (q *Queue) read(caughtUp chan<- struct{}) {
	r := reader{Queue: q, caughtUp: caughtUp}
	for q.ctx.Err() == nil {
		if err := r.begin(); err != nil {
			pause(q.ctx, pauseFor)
			continue
		}
		for r.fetch() == nil && q.ctx.Err() == nil {
		}
	}
}

// A reader reads the stream of outcomes.
type reader struct {
	*Queue
	caughtUp chan<- struct{} // nil when closed
	consumer jetstream.Consumer
	renewed  <-chan struct{}
	last     uint64 // the last message of the stream that was read
	got      uint64 // how many came from the consumer
}

// begin makes a consumer of the outcomes after the last one that was read.
func (r *reader) begin() error {
	ctx, cancel := r.link.request(r.ctx, attempt)
	defer cancel()
	r.renewed = r.link.renewed()
	stream, err := r.link.js.Stream(ctx, r.names.outcomeStream())
	if err != nil {
		return err
	}
	if stream.CachedInfo().State.LastSeq < r.last {
		r.last = 0 // the server has lost it, and counts from the beginning
		r.mu.Lock()
		r.spans = nil
		r.mu.Unlock()
	}
	r.consumer, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.last + 1,
		FilterSubjects: []string{r.names.outcome(r.id), r.names.begunOf(r.id) + "*"},
		MemoryStorage:  true, InactiveThreshold: 5 * time.Minute,
	})
	if err != nil {
		return err
	}
	r.got = 0
	r.caught(r.consumer.CachedInfo().NumPending)
	return nil
}

func (r *reader) caught(pending uint64) {
	if pending == 0 && r.caughtUp != nil {
		close(r.caughtUp)
		r.caughtUp = nil
	}
}

// errBegin says that a consumer is good no longer: another has to begin after the last message that was read.
var errBegin = errors.New("a message of the consumer was lost")

// fetch reads messages as they come, for some time.
func (r *reader) fetch() error {
	batch, err := r.consumer.Fetch(window, jetstream.FetchMaxWait(attempt))
	if err != nil {
		return err
	}
	for n := 0; n < window; n++ {
		select {
		case m, more := <-batch.Messages():
			if !more {
				if err := batch.Error(); err != nil {
					return err
				}
				return r.checkNoneIsLost()
			}
			if err := r.message(m); err != nil {
				return err
			}
		case <-r.renewed: // the server knows of no fetch any more
			return errBegin
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
	return nil
}

func (r *reader) message(m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	if r.got++; meta.Sequence.Consumer != r.got {
		return errBegin
	}
	r.last = meta.Sequence.Stream
	if err := r.take(m.Subject(), m.Data(), r.last); err != nil {
		r.fail(err)
		return err
	}
	r.caught(meta.NumPending)
	return nil
}

// checkNoneIsLost asks the server how many messages it sent. One that it sent as a fetch ended on this side has gone to no one, and the next
// one, which would show the gap, may be long in coming.
func (r *reader) checkNoneIsLost() error {
	ctx, cancel := r.link.request(r.ctx, attempt)
	defer cancel()
	info, err := r.consumer.Info(ctx)
	if err != nil {
		return err
	}
	if info.Delivered.Consumer != r.got {
		return errBegin
	}
	return nil
}
