package linearizability

import "strconv"

// CheckReads verifies every read that a client was answered, also those of transactions that aborted or whose outcome
// is unknown, of which strict serializability says nothing: a value read is one that a transaction left which was not
// aborted, or its own write. Finding nothing is always allowed here. The error is a *Violation.
func CheckReads(history []Txn) error {
	type value struct{ key, text string }
	left := make(map[value]bool)
	type source struct {
		anomaly Anomaly
		txn     *Txn
	}
	hidden := make(map[value]source)
	for i := range history {
		t := &history[i]
		last := make(map[string]int, len(t.Ops)) // by key, the transaction's last write
		for at, op := range t.Ops {
			if op.Kind != Read {
				last[op.Key] = at
			}
		}
		for at, op := range t.Ops {
			switch v := (value{op.Key, op.Value}); {
			case op.Kind != Write:
			case t.Outcome == Aborted:
				hidden[v] = source{AbortedValue, t}
			case last[op.Key] == at:
				left[v] = true
			default:
				hidden[v] = source{DirtyRead, t}
			}
		}
	}
	for i := range history {
		t := &history[i]
		own := make(map[string]Op)
		for _, op := range t.Ops {
			mine, wrote := own[op.Key]
			v := &Violation{Txn: t.ID, Client: t.Client, Key: op.Key, Found: strconv.Quote(op.Value)}
			switch from, isHidden := hidden[value{op.Key, op.Value}]; {
			case op.Kind != Read:
				own[op.Key] = op
			case wrote && (op.Found != (mine.Kind == Write) || op.Value != mine.Value):
				v.Anomaly, v.Expected = OwnWriteMissed, "nothing"
				if mine.Kind == Write {
					v.Expected = strconv.Quote(mine.Value)
				}
				if !op.Found {
					v.Found = "nothing"
				}
				return v
			case wrote || !op.Found || left[value{op.Key, op.Value}]:
			case isHidden:
				v.Anomaly = from.anomaly
				return v.expecting("a value that may have been committed", "transaction "+strconv.FormatUint(from.txn.ID, 10)+" wrote it")
			default:
				v.Anomaly = ThinAir
				return v.expecting("a value that was written", "no transaction wrote it")
			}
		}
	}
	return nil
}
