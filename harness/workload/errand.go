package workload

import "github.com/firstgap/firstgap/linearizability"

// An Errand is a client that makes one transaction, and makes it again until its commit is acknowledged: it reads rows, and then
// writes others. It is for whoever scripts a run by hand, and wants to know whether reads or writes go on at a certain moment.
type Errand struct {
	Client
	done int // the place of the acknowledged transaction in the history, -1 before
}

// NewErrand returns the client. Its number must differ from those of all other clients, and each value that it writes is its own.
// It asks the newest writer of the directory first.
func NewErrand(w Workload, seed uint64, number int, directory *Directory, history *History, reads, writes []string) *Errand {
	w.Only = nil // it begins what is its own
	e := &Errand{Client: *NewClient(w, seed, number, directory, history), done: -1}
	e.patient, e.writer = true, len(directory.Writers)-1
	e.scripts = func(c *Client) (script, bool) {
		if _, done := e.Done(); done || c.stopped {
			return script{}, false
		}
		c.started++
		s := script{kind: read}
		s.read(reads...)
		if len(writes) > 0 {
			s.kind = put
			var cs []change
			for _, key := range writes {
				cs = append(cs, change{key: key})
			}
			s.write(cs...)
		}
		return s, true
	}
	return e
}

// Done returns the place in the history of the transaction that was acknowledged, and false before one was. An answer that came
// when the client had given it up counts, too.
func (e *Errand) Done() (int, bool) {
	for i := 0; e.done < 0 && i < len(e.history.Transactions); i++ {
		if t := &e.history.Transactions[i]; t.Client == e.number && t.Outcome == linearizability.Committed {
			e.done = i
		}
	}
	return e.done, e.done >= 0
}
