package node

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two runs that differ in any field of a call are two runs: what a scan found once counted for nothing in a run's
// identity.
func TestEveryFieldOfACallIsPartOfTheIdentity(t *testing.T) {
	distinct := func(zero, other any, digest func(any) []byte) {
		of := reflect.TypeOf(zero)
		for i := range of.NumField() {
			changed := reflect.New(of).Elem()
			changed.Field(i).Set(reflect.ValueOf(other).Field(i))
			require.False(t, changed.Field(i).IsZero(), of.Field(i).Name)
			require.NotEqual(t, digest(zero), digest(changed.Interface()), of.Field(i).Name)
		}
	}
	rows := []Row{{Key: "k", Value: Some("")}}
	distinct(Request{}, Request{ID: 1, Op: OpGet, Txn: 1, Rows: rows, From: "a", To: "b", Most: 1, Savepoint: 1, ReadPoint: 1},
		func(x any) []byte { r := x.(Request); return r.AppendDigest(nil) })
	distinct(Reply{}, Reply{ID: 1, Op: OpGet, Txn: 1, Status: OK, Reason: ReasonBusy, Value: Some(""), Rows: rows, More: true,
		Blockers: []Txn{1}, Savepoint: 1, LSN: 1, Epoch: 1},
		func(x any) []byte { r := x.(Reply); return r.AppendDigest(nil) })
}
