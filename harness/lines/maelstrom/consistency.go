package maelstrom

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/linearizability"
)

// A consistency is a model that transactions can be asked for, by the name that Maelstrom's --consistency-models has for it, and
// how it is decided.
type consistency struct {
	name  string
	level linearizability.Level // "" is decided by the dependencies alone
	// sessions: what a client's transaction did or saw, its later ones come after. Only models that have it in their name
	// ask for that; without it every transaction is a session of its own (Daudjee and Salem 2006).
	sessions bool
	// dirty: what was aborted, or overwritten by its own transaction, may be read, and writes alone must not go in a circle.
	dirty bool
}

// consistencies are the models that can be decided. A transaction of these workloads has no predicates, so that Adya's
// repeatable read is the same as serializability; and package linearizability decides read committed with Bailis's addition that
// of one transaction no older part is seen after a newer one, which is what Maelstrom calls monotonic atomic view.
func consistencies() []consistency {
	return []consistency{
		{name: "strict-serializable", level: linearizability.StrictSerializable, sessions: true},
		{name: "strong-serializable", level: linearizability.StrictSerializable, sessions: true},
		{name: "PL-SS", level: linearizability.StrictSerializable, sessions: true},
		{name: "strong-session-serializable", level: linearizability.SessionSerializable, sessions: true},
		{name: "serializable", level: linearizability.Serializable},
		{name: "conflict-serializable", level: linearizability.Serializable},
		{name: "view-serializable", level: linearizability.Serializable},
		{name: "PL-3", level: linearizability.Serializable},
		{name: "repeatable-read", level: linearizability.Serializable},
		{name: "PL-2.99", level: linearizability.Serializable},
		{name: "strong-session-snapshot-isolation", level: linearizability.SnapshotIsolation, sessions: true},
		{name: "snapshot-isolation", level: linearizability.SnapshotIsolation},
		{name: "PL-SI", level: linearizability.SnapshotIsolation},
		{name: "parallel-snapshot-isolation", level: linearizability.ParallelSnapshotIsolation},
		{name: "causal-cerone", level: linearizability.Causal},
		{name: "read-atomic", level: linearizability.ReadAtomic},
		{name: "monotonic-atomic-view", level: linearizability.ReadCommitted},
		{name: "read-committed"},
		{name: "PL-2"},
		{name: "read-uncommitted", dirty: true},
		{name: "PL-1", dirty: true},
	}
}

// easy tells that the model needs no search, or that there is no stronger one.
func (c consistency) easy() bool {
	switch c.level {
	case linearizability.StrictSerializable, linearizability.Causal, linearizability.ReadAtomic, linearizability.ReadCommitted:
		return true
	}
	return false
}

func consistencyNames() []string {
	var names []string
	for _, c := range consistencies() {
		names = append(names, c.name)
	}
	return names
}

// consistenciesOf reads names with commas between them; one that cannot be decided is a *ParameterError.
func consistenciesOf(workload, names string) ([]consistency, error) {
	if names == "" {
		names = DefaultConsistency
	}
	var out []consistency
	all := consistencies()
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(all, func(c consistency) bool { return c.name == name })
		if i < 0 {
			return nil, &ParameterError{Workload: workload, Parameter: "consistency model", Value: name, Known: consistencyNames()}
		}
		out = append(out, all[i])
	}
	return out, nil
}
