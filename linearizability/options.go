package linearizability

import (
	"fmt"
	"slices"
)

var (
	failedCASNames = []string{FailedCASDidNotHappen: "did-not-happen", FailedCASDiffered: "differed"}
	nilReadNames   = []string{NilReadUnknown: "unknown", NilReadAbsent: "absent"}
)

func (f FailedCAS) String() string { return nameOf(failedCASNames, int(f)) }

// ParseFailedCAS refuses an unknown name by listing the known ones.
func ParseFailedCAS(name string) (FailedCAS, error) {
	at := slices.Index(failedCASNames, name)
	if at < 0 {
		return 0, fmt.Errorf("unknown meaning %q of a failed compare-and-swap; known: %s", name, list(failedCASNames))
	}
	return FailedCAS(at), nil
}

func (n NilRead) String() string { return nameOf(nilReadNames, int(n)) }

// ParseNilRead refuses an unknown name by listing the known ones.
func ParseNilRead(name string) (NilRead, error) {
	at := slices.Index(nilReadNames, name)
	if at < 0 {
		return 0, fmt.Errorf("unknown meaning %q of a nil read; known: %s", name, list(nilReadNames))
	}
	return NilRead(at), nil
}
