package volume

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

// Subject returns the model with its named worlds: those that TLC has searched to the end, then those of progress, then for
// each broken variant the world in which it must be caught, under the bug's name.
func Subject() check.Subject {
	worlds, err := subjectWorlds()
	if err != nil {
		panic("volume: " + err.Error()) // the tables are part of the program
	}
	return check.Subject{
		Name:   "volume",
		About:  "one log-structured volume: commits, segments, and take-over by a new writer",
		Module: "Volume",
		Large:  large(),
		Worlds: worlds,
		Bugs:   Bugs()[1:],
		Read: func(text []byte) (check.Model, error) {
			w, err := ParseWorld(text)
			if err != nil {
				return nil, err
			}
			return NewModel(w)
		},
		Config: func(text []byte) (string, error) {
			w, err := twinOf(text)
			return w.config(), err
		},
		Root: func(text []byte) (string, error) {
			w, err := twinOf(text)
			return w.root(), err
		},
	}
}

func subjectWorlds() ([]check.World, error) {
	var list []check.World
	add := func(name string, w World, violates string, distinct, generated uint64) error {
		constants, err := json.Marshal(w)
		list = append(list, check.World{Name: name, Constants: constants, Violates: violates, Distinct: distinct, Generated: generated})
		return err
	}
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		named, err := worldsOf(tsv)
		if err != nil {
			return nil, err
		}
		for _, n := range named {
			if n.unchecked {
				continue // it is about what lies beyond a violation
			}
			if err := add(n.Name, n.World, "", n.Distinct, n.Generated); err != nil {
				return nil, err
			}
		}
	}
	if err := eachRow(tla.LiveWorlds, func(row map[string]string) error {
		n, err := worldRow(row)
		if err != nil {
			return err
		}
		violates := ""
		switch { // the first that is decided; the world has two writers or more, and transaction 1
		case row["Opens"] == "fails":
			violates = "Opens(2)"
		case row["Answers"] == "fails":
			violates = "Answers(1, t1)"
		}
		return add(n.Name, n.World, violates, n.Distinct, n.Generated)
	}); err != nil {
		return nil, err
	}
	ofTrace, err := TraceVariants()
	if err != nil {
		return nil, err
	}
	ofAcks, err := AckVariants()
	if err != nil {
		return nil, err
	}
	variants, err := BrokenVariants()
	for _, v := range slices.Concat(ofTrace, ofAcks, variants) {
		if err := add(v.World.Bug, v.World, v.Violates, 0, 0); err != nil {
			return nil, err
		}
	}
	return list, err
}

// A twin is a world as TLC is told of it.
type twin struct{ World }

// twinOf reads a world. It refuses one that cannot be searched, or that no single module defines.
func twinOf(text []byte) (twin, error) {
	w, err := ParseWorld(text)
	if err != nil {
		return twin{}, err
	}
	m, err := NewModel(w)
	if err != nil {
		return twin{}, err
	}
	t := twin{m.world}
	if t.ofAcks() && (t.isLive() || t.ofTrace()) {
		return t, check.Wrong("rewrites, answers, structures, moves, savepoints, up", "given in a world with recordAcks, lal or a bug of VolumeAcks.tla",
			"none for TLC: that module is about Volume.tla without them")

	}
	if t.isLive() && t.ofTrace() {
		return t, check.Wrong("rewrites, answers, structures, moves, savepoints", "true in a world with up", "false for TLC: VolumeLive.tla is about Volume.tla without them")
	}
	return t, nil
}

func (t twin) isLive() bool { return len(t.Up) > 0 }

// symmetric says whether TLC takes replicas for one another. Of one replica alone there is nothing to permute.
func (t twin) symmetric() bool { return t.Symmetry && t.Replicas > 1 }

// module returns which module defines the world, and its specification.
func (t twin) module() (name, spec string) {
	switch {
	case t.isLive():
		return "VolumeLive", "LiveSpec"
	case t.ofTrace():
		return "VolumeTrace", "TraceSpec"
	case t.ofAcks():
		return "VolumeAcks", "AcksSpec"
	}
	return "Volume", "Spec"
}

func (t twin) replica(g, i int) string { return fmt.Sprintf("g%d_r%d", g+1, i+1) }
func (t twin) group(g int) string      { return fmt.Sprintf("g%d", g+1) }

// members returns the replicas of a group.
func (t twin) members(g int) string {
	var names []string
	for i := range t.Replicas {
		names = append(names, t.replica(g, i))
	}
	return strings.Join(names, ", ")
}

// values returns the model values: replicas, keys and groups.
func (t twin) values() (replicas, keys, groups []string) {
	for g := range t.Groups {
		groups = append(groups, t.group(g))
		for i := range t.Replicas {
			replicas = append(replicas, t.replica(g, i))
		}
	}
	for k := range t.Keys {
		keys = append(keys, t.KeyName(k))
	}
	return replicas, keys, groups
}

// root returns the module that gives the constants which a configuration file cannot say: the two functions, and the
// symmetry, which permutes the replicas within each group.
func (t twin) root() string {
	replicas, keys, groups := t.values()
	var homes, of []string
	for g := range t.Groups {
		for i := range t.Replicas {
			of = append(of, fmt.Sprintf("%s :> %s", t.replica(g, i), t.group(g)))
		}
	}
	for k := range t.Keys {
		homes = append(homes, fmt.Sprintf("%s :> %s", t.KeyName(k), t.group(t.Home(k))))
	}
	var b strings.Builder
	module, _ := t.module()
	fmt.Fprintf(&b, "---- MODULE MC ----\nEXTENDS %s, TLC\n\n", module)
	fmt.Fprintf(&b, "CONSTANTS %s\n\n", strings.Join(slices.Concat(replicas, keys, groups), ", "))
	fmt.Fprintf(&b, "TheReplicas == {%s}\n", strings.Join(replicas, ", "))
	fmt.Fprintf(&b, "TheKeys == {%s}\n", strings.Join(keys, ", "))
	fmt.Fprintf(&b, "TheGroupOf == %s\n", strings.Join(of, " @@ "))
	fmt.Fprintf(&b, "TheHomeOf == %s\n", strings.Join(homes, " @@ "))
	if t.isLive() {
		var up []string
		for g := range t.Groups {
			for i := range t.Up[g] {
				up = append(up, t.replica(g, i))
			}
		}
		fmt.Fprintf(&b, "TheUp == {%s}\n", strings.Join(up, ", "))
	}
	if module == "VolumeTrace" {
		t.rootGeometry(&b)
	}
	if t.symmetric() {
		permutations := fmt.Sprintf("Permutations({%s})", t.members(0))
		for g := 1; g < t.Groups; g++ {
			permutations = fmt.Sprintf("{p @@ q : p \\in %s, q \\in Permutations({%s})}", permutations, t.members(g))
		}
		fmt.Fprintf(&b, "Symmetry == %s\n", permutations)
	}
	b.WriteString("====\n")
	return b.String()
}

// rootGeometry gives who counts, and what is in use, from the start.
func (t twin) rootGeometry(b *strings.Builder) {
	var members, full, groups []string
	for g := range t.Groups {
		for i := range t.Replicas {
			if t.firstSets()[0].Has(i) {
				members = append(members, t.replica(g, i))
			}
			if t.fulls().Has(i) {
				full = append(full, t.replica(g, i))
			}
		}
		if g < t.firstGroups() {
			groups = append(groups, t.group(g))
		}
	}
	fmt.Fprintf(b, "TheFirstMembers == {%s}\n", strings.Join(members, ", "))
	fmt.Fprintf(b, "TheFirstGroups == {%s}\n", strings.Join(groups, ", "))
	fmt.Fprintf(b, "TheFull == {%s}\n", strings.Join(full, ", "))
}

// config returns the configuration file for the root module.
func (t twin) config() string {
	var b strings.Builder
	module, spec := t.module()
	fmt.Fprintf(&b, "SPECIFICATION %s\nCONSTANTS\n", spec)
	replicas, keys, groups := t.values()
	for _, v := range slices.Concat(replicas, keys, groups) {
		fmt.Fprintf(&b, "  %s = %s\n", v, v)
	}
	b.WriteString("  Replica <- TheReplicas\n  Key <- TheKeys\n  GroupOf <- TheGroupOf\n  HomeOf <- TheHomeOf\n")
	fmt.Fprintf(&b, "  MaxTxn = %d\n  W = %d\n  R = %d\n  MaxLSN = %d\n  MaxEpoch = %d\n",
		t.Txns, t.WriteQuorum, t.ReadQuorum, t.MaxLSN, t.MaxEpoch)
	truth := map[bool]string{true: "TRUE", false: "FALSE"}
	fmt.Fprintf(&b, "  Aborts = %s\n  Mtr = %s\n  Bug = %q\n", truth[t.Aborts], truth[t.Mtr], t.Bug)
	if module == "VolumeTrace" {
		fmt.Fprintf(&b, "  Rewrites = %s\n  Answers = %s\n", truth[t.Rewrites], truth[t.Answers])
		fmt.Fprintf(&b, "  Structures = %s\n  Moves = %s\n  Savepoints = %s\n", truth[t.Structures], truth[t.Moves], truth[t.Savepoints])
		fmt.Fprintf(&b, "  Members = %d\n  Grows = %s\n", t.Members, truth[t.Grows])
		b.WriteString("  FirstMembers <- TheFirstMembers\n  FirstGroups <- TheFirstGroups\n  Full <- TheFull\n")
		for _, name := range []string{"Durable", "CompleteIsStored", "FreshRead", "UndoRestores", "MtrAtomic"} {
			fmt.Fprintf(&b, "  %s <- Trace%s\n", name, name)
		}
	}
	if module == "VolumeAcks" {
		limit := t.LAL
		if limit == 0 {
			limit = t.MaxLSN
		}
		fmt.Fprintf(&b, "  RecordAcks = %s\n  Lal = %d\n  Cut <- AcksCut\n", truth[t.RecordAcks], limit)
	}
	if t.isLive() {
		b.WriteString("  Up <- TheUp\nPROPERTIES Opens Answers\n")
	}
	if t.symmetric() {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS")
	for _, i := range t.Invariants() {
		b.WriteString(" " + i.Name)
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n") // a world ends where its limits are reached
	return b.String()
}
