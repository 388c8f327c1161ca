package placement

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A World is a design, what it claims, and how far its behaviours go. Replicas are numbered from 1.
type World struct {
	AZs [][]int `json:"azs"` // the replicas in each AZ
	// Hosts has the replicas on each host; those that no host names have one of their own.
	Hosts [][]int `json:"hosts,omitempty"`
	// Full has the replicas with pages; the others, tails, have only records. Without it all have pages.
	Full []int `json:"full,omitempty"`

	// A write quorum is WriteQuorum replicas or, where WriteFull is not 0, that many full ones.
	WriteQuorum int `json:"writeQuorum"`
	WriteFull   int `json:"writeFull,omitempty"`
	// A read quorum is ReadQuorum replicas, ReadFull of them at least being full.
	ReadQuorum int `json:"readQuorum"`
	ReadFull   int `json:"readFull,omitempty"`

	MaxLSN    int       `json:"maxLSN"`              // records
	MaxSilent int       `json:"maxSilent,omitempty"` // most replicas that hold less than they have acknowledged
	Promise   []Promise `json:"promise,omitempty"`   // what the design claims beyond Durable

	// In how many of all sets of failures the design claims to keep writes, reads and data, and how many sets of
	// replicas may forget; 0 where it does not say.
	WritesIn int `json:"writesIn,omitempty"`
	ReadsIn  int `json:"readsIn,omitempty"`
	DataIn   int `json:"dataIn,omitempty"`
	SilentIn int `json:"silentIn,omitempty"`

	Bug      string `json:"bug,omitempty"`      // "none" or empty, or the name of the one guard that is broken
	Symmetry bool   `json:"symmetry,omitempty"` // the checker may take what is placed alike for one another
}

// A Promise is a failure that a design claims to survive.
type Promise string

// The promises: with all failures (all lost disks, for data) within one AZ, or within one AZ and one more host.
const (
	AZWrites       Promise = "az-writes"
	AZReads        Promise = "az-reads"
	AZData         Promise = "az-data"
	AZPlusOneReads Promise = "az+1-reads"
	AZPlusOneData  Promise = "az+1-data"
)

// Promises returns all promises.
func Promises() []Promise {
	return []Promise{AZWrites, AZReads, AZData, AZPlusOneReads, AZPlusOneData}
}

// Bugs returns the values that World.Bug may have, "none" first.
func Bugs() []string {
	return []string{"none", "short-write-quorum", "short-read-quorum", "read-without-full", "rebuild-from-one",
		"rejoin-empty", "former-acks"}
}

const (
	maxReplicas = 9 // three in each of three AZs
	maxLSN      = 4
)

// A WorldError says which parameter of a world is wrong, and what it may be.
type WorldError = check.WorldError

// replicas returns how many there are.
func (w World) replicas() int {
	n := 0
	for _, a := range w.AZs {
		n += len(a)
	}
	return n
}

// Validate says whether the world can be searched: whether it contradicts itself, and whether it fits. Quorums that do not
// overlap and promises that do not hold contradict nothing; that they are wrong is for the search to find.
func (w World) Validate() error {
	_, err := w.complete()
	return err
}

// complete returns the world with everything spelled out that may be left out.
func (w World) complete() (World, error) {
	n := w.replicas()
	if n < 1 || n > maxReplicas {
		return w, check.Wrong("azs", fmt.Sprintf("%v, of %d replicas", w.AZs, n), fmt.Sprintf("1 to %d replicas", maxReplicas))
	}
	inAZ, err := homes("azs", w.AZs, n)
	if err != nil {
		return w, err
	}
	onHost, err := homes("hosts", w.Hosts, n)
	if err != nil {
		return w, err
	}
	w.Hosts = slices.Clone(w.Hosts)
	for _, h := range w.Hosts {
		for _, r := range h {
			if inAZ[r] != inAZ[h[0]] {
				return w, check.Wrong("hosts", fmt.Sprintf("%v, with one in two AZs: %v", w.Hosts, h), "each host within one AZ")
			}
		}
	}
	for r := 1; r <= n; r++ {
		if inAZ[r] == 0 {
			return w, check.Wrong("azs", fmt.Sprint(w.AZs), fmt.Sprintf("each of the replicas 1 to %d once", n))
		}
		if onHost[r] == 0 {
			w.Hosts = append(w.Hosts, []int{r})
		}
	}
	if _, err := homes("full", [][]int{w.Full}, n); len(w.Full) > 0 && err != nil {
		return w, err
	}
	if len(w.Full) == 0 {
		w.Full = upTo(n).members()
	}
	full := len(w.Full)
	sets := 1 << n
	if err := check.InRange(
		check.Between("writeQuorum", w.WriteQuorum, 1, n, " (replicas)"),
		check.Between("writeFull", w.WriteFull, 0, full, " (full replicas)"),
		check.Between("readQuorum", w.ReadQuorum, 1, n, " (replicas)"),
		check.Between("readFull", w.ReadFull, 0, full, " (full replicas)"),
		check.Between("maxLSN", w.MaxLSN, 1, maxLSN, ""),
		check.Between("maxSilent", w.MaxSilent, 0, n, " (replicas)"),
		check.Between("writesIn", w.WritesIn, 0, sets, " (sets of replicas)"),
		check.Between("readsIn", w.ReadsIn, 0, sets, " (sets of replicas)"),
		check.Between("dataIn", w.DataIn, 0, sets, " (sets of replicas)"),
		check.Between("silentIn", w.SilentIn, 0, sets, " (sets of replicas)"),
	); err != nil {
		return w, err
	}
	for i, p := range w.Promise {
		if !slices.Contains(Promises(), p) {
			return w, check.Wrong("promise", fmt.Sprintf("%q", p), "some of "+joined(Promises()))
		}
		if slices.Contains(w.Promise[:i], p) {
			return w, check.Wrong("promise", fmt.Sprintf("%q twice", p), "each at most once")
		}
	}
	if w.Bug == "" {
		w.Bug = "none"
	}
	if !slices.Contains(Bugs(), w.Bug) {
		return w, check.Wrong("bug", fmt.Sprintf("%q", w.Bug), "one of "+joined(Bugs()))
	}
	if w.Bug == "read-without-full" && w.ReadFull == 0 {
		return w, check.Wrong("bug", fmt.Sprintf("%q with readFull 0, where it breaks nothing", w.Bug), "readFull of 1 or more with it")
	}
	return w, nil
}

// homes returns, for each replica, which of the parts has it, counted from 1, or 0.
func homes(name string, parts [][]int, n int) ([]int, error) {
	home := make([]int, n+1)
	for i, part := range parts {
		if len(part) == 0 {
			return nil, check.Wrong(name, fmt.Sprint(parts), "none that is empty")
		}
		for _, r := range part {
			if r < 1 || r > n {
				return nil, check.Wrong(name, fmt.Sprintf("%v, with replica %d", parts, r), fmt.Sprintf("replicas 1 to %d", n))
			}
			if home[r] != 0 {
				return nil, check.Wrong(name, fmt.Sprintf("%v, with replica %d twice", parts, r), "each replica at most once")
			}
			home[r] = i + 1
		}
	}
	return home, nil
}

func joined[S ~string](names []S) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}

// NewModel returns the model of a world. It refuses, before any search, a world that contradicts itself or does not fit.
func NewModel(w World) (check.Model, error) {
	w, err := w.complete()
	if err != nil {
		return nil, err
	}
	return newModule(w).model(), nil
}

// ReadWorld reads a world from JSON and validates it.
func ReadWorld(text []byte) (World, error) {
	var w World
	if err := check.ReadWorld(text, &w); err != nil {
		return w, err
	}
	return w, w.Validate()
}

// config returns the configuration by which TLC checks Placement.tla on the world given as JSON.
func config(text []byte) (string, error) {
	var w World
	if err := check.ReadWorld(text, &w); err != nil {
		return "", err
	}
	w, err := w.complete()
	if err != nil {
		return "", err
	}
	sets := func(parts [][]int) string {
		var words []string
		for _, p := range parts {
			words = append(words, setOf(p).String())
		}
		return "{" + strings.Join(words, ", ") + "}"
	}
	promise, err := json.Marshal(append([]Promise{}, w.Promise...))
	if err != nil {
		return "", fmt.Errorf("world: promise: %w", err)
	}
	var b strings.Builder
	b.WriteString("SPECIFICATION Spec\nCONSTANTS\n")
	for _, c := range []struct {
		name  string
		value any
	}{
		{"Azs", sets(w.AZs)}, {"Hosts", sets(w.Hosts)}, {"Full", setOf(w.Full)},
		{"W", w.WriteQuorum}, {"WFull", w.WriteFull}, {"R", w.ReadQuorum}, {"RFull", w.ReadFull},
		{"MaxLSN", w.MaxLSN}, {"MaxSilent", w.MaxSilent},
		{"Promise", "{" + strings.Trim(string(promise), "[]") + "}"},
		{"WritesIn", w.WritesIn}, {"ReadsIn", w.ReadsIn}, {"DataIn", w.DataIn}, {"SilentIn", w.SilentIn},
		{"Bug", fmt.Sprintf("%q", w.Bug)},
	} {
		fmt.Fprintf(&b, "  %s = %v\n", c.name, c.value)
	}
	b.WriteString("INVARIANTS")
	for _, i := range newModule(w).model().Invariants() {
		b.WriteString(" " + i.Name)
	}
	if w.Symmetry {
		b.WriteString("\nVIEW Orbit")
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n")
	return b.String(), nil
}
