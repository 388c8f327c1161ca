package harness

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// A Reducer is a System that says what in its settings a run may do without, so that a failing run can be made smaller (package
// failure/shrink). Of a system that does not say it, the faults, the network, the disks and the ending are made smaller alone.
type Reducer interface {
	// Reduce lists what the settings of a configuration have that a run may do without, the larger things first, and always in the
	// same order: where there is none of a kind, its parts are empty. Begun is what the clients began in the run of that configuration.
	Reduce(c *configuration.Configuration, begun []workload.Begun) ([]Parts, error)
}

// PartKind says what parts are.
type PartKind string

// The kinds. Of a smallest run no single fault, operation, transaction, client or node can go.
const (
	FaultPart       PartKind = "fault"
	ClientPart      PartKind = "client"
	TransactionPart PartKind = "transaction" // or a query, or a single call
	OperationPart   PartKind = "operation"   // a request of a transaction
	NodePart        PartKind = "node"
	FeaturePart     PartKind = "feature" // something that the system does beside
)

// Parts are the parts of one kind that a configuration has.
type Parts struct {
	Kind  PartKind
	Names []string
	// At is when each begins to matter; nil where there is no such moment.
	At []node.Time
	// Slows tells that the system does less by itself without them. That it then fails to do something by the end is no wonder: only
	// runs that fail by what was done are made smaller so.
	Slows bool
	// Without returns the configuration without some of them, by their indices, ascending; without any, as it was. Where there are
	// several ways to do without, it returns all of them, the likeliest to be valid first. Faults of what is no longer there may be
	// left in the plan.
	Without func(out []int) []configuration.Configuration
}

// A Feature is something in the settings S of a system that a run may do without.
type Feature[S any] struct {
	Name  string
	Slows bool     // see Parts
	Drop  func(*S) // leaves the settings as they are where they do not have it
}

// FeatureParts lists the features that settings have, those that slow behind the others. The function makes a configuration of settings.
func FeatureParts[S any](s S, of func(S) configuration.Configuration, all []Feature[S]) []Parts {
	var parts []Parts
	for _, slows := range []bool{false, true} {
		var has []Feature[S]
		p := Parts{Kind: FeaturePart, Slows: slows}
		for _, f := range all {
			changed := s
			if f.Drop(&changed); f.Slows == slows && !reflect.DeepEqual(changed, s) {
				has, p.Names = append(has, f), append(p.Names, f.Name)
			}
		}
		p.Without = func(out []int) []configuration.Configuration {
			changed := s
			for _, i := range out {
				has[i].Drop(&changed)
			}
			return []configuration.Configuration{of(changed)}
		}
		parts = append(parts, p)
	}
	return parts
}

// BegunParts lists what clients began: by client, by transaction and by request. The function makes a configuration of picks.
func BegunParts(begun []workload.Begun, of func(workload.Picks) configuration.Configuration) []Parts {
	begun = slices.Clone(begun)
	slices.SortFunc(begun, func(a, b workload.Begun) int { return a.Compare(b.Pick) })
	whole := workload.Picks{}
	clients, transactions, operations := Parts{Kind: ClientPart}, Parts{Kind: TransactionPart}, Parts{Kind: OperationPart}
	var numbers []int // of the clients
	type request struct{ transaction, step int }
	var requests []request
	for _, b := range begun {
		whole = append(whole, b.Pick)
		who, at := faults.Node{Role: faults.Client, Index: b.Client}.String(), node.Time(b.At)
		if len(numbers) == 0 || numbers[len(numbers)-1] != b.Client {
			numbers, clients.Names, clients.At = append(numbers, b.Client), append(clients.Names, who), append(clients.At, at)
		}
		name := fmt.Sprintf("transaction %d of %s", b.Number, who)
		transactions.Names, transactions.At = append(transactions.Names, name), append(transactions.At, at)
		for _, step := range b.All() {
			requests = append(requests, request{len(transactions.Names) - 1, step})
			operations.Names, operations.At = append(operations.Names, fmt.Sprintf("request %d of %s", step, name)), append(operations.At, at)
		}
	}
	clients.Without = func(out []int) []configuration.Configuration {
		return []configuration.Configuration{of(slices.DeleteFunc(slices.Clone(whole), func(p workload.Pick) bool {
			return slices.ContainsFunc(out, func(i int) bool { return numbers[i] == p.Client })
		}))}
	}
	transactions.Without = func(out []int) []configuration.Configuration {
		picks := workload.Picks{}
		for i, p := range whole {
			if !slices.Contains(out, i) {
				picks = append(picks, p)
			}
		}
		return []configuration.Configuration{of(picks)}
	}
	operations.Without = func(out []int) []configuration.Configuration {
		picks := slices.Clone(whole)
		touched := map[int]bool{}
		for _, i := range out {
			touched[requests[i].transaction] = true
		}
		for t := range touched {
			picks[t].Steps = []int{}
		}
		for i, r := range requests {
			if touched[r.transaction] && !slices.Contains(out, i) {
				picks[r.transaction].Steps = append(picks[r.transaction].Steps, r.step)
			}
		}
		return []configuration.Configuration{of(picks)}
	}
	return []Parts{clients, transactions, operations}
}

// Renamed returns a plan in which nodes have other names. A name that becomes "" is taken out, and a fault goes with the last name of a
// list.
func Renamed(p faults.Plan, name func(string) string) faults.Plan {
	kept := []faults.Fault{}
	for _, f := range p.Faults {
		nodes, to := renamed(f.Nodes, name), renamed(f.To, name)
		if len(f.Nodes) > 0 && len(nodes) == 0 || len(f.To) > 0 && len(to) == 0 {
			continue
		}
		f.Nodes, f.To = nodes, to
		kept = append(kept, f)
	}
	p.Faults = kept
	return p
}

func renamed(names []string, name func(string) string) []string {
	var all []string
	for _, n := range names {
		if n = name(n); n != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// Quorums are the write and read quorums of so many members now that overlap as a write and a read quorum of n did, or more; the
// likeliest to be as the others were first.
func Quorums(n, write, read, now int) (all [][2]int) {
	fewer := n - now
	for _, q := range [][2]int{{write, read}, {now/2 + 1, now - now/2}, {write - (fewer+1)/2, read - fewer/2}, {write - fewer, read}, {write, read - fewer}} {
		if q[0] > now || q[1] > now || q[0] < 1 || q[1] < 1 || slices.Contains(all, q) {
			continue
		}
		reads, writes := q[0]+q[1] > now || write+read <= n, 2*q[0] > now || 2*write <= n
		if reads && writes {
			all = append(all, q)
		}
	}
	return all
}

// Renumbered names what has number n once some are out, by their indices; "" is one that is.
func Renumbered(n int, out []int, name func(int) string) string {
	if slices.Contains(out, n-1) {
		return ""
	}
	less := 0
	for _, i := range out {
		if i < n-1 {
			less++
		}
	}
	return name(n - less)
}

// RenumberedOf is Renumbered of the nodes of a role that are numbered by themselves; other names stay.
func RenumberedOf(t faults.Topology, role faults.Role, name string, out []int) string {
	n, err := t.Node(name)
	if err != nil || n.Role != role {
		return name
	}
	return Renumbered(n.Index, out, func(i int) string { return faults.Node{Role: role, Index: i}.String() })
}
