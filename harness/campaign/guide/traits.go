package guide

import (
	"encoding/json"
	"maps"
	"math/bits"
	"slices"
	"strconv"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
)

// A trait is something that a configuration has, and that can be told before it is run: a kind of fault, two kinds together, whom a
// kind strikes, a scene, or about how large a setting is.
type trait string

// variety counts how often configurations had each trait.
type variety map[trait]int

func (v variety) add(all []trait) {
	for _, t := range all {
		v[t]++
	}
}

// of says how much a configuration with those traits would add: a trait counts the less, the more often it was there.
func (v variety) of(all []trait) float64 {
	sum := 0.0
	for _, t := range all {
		sum += 1 / float64(1+v[t]*v[t])
	}
	return sum
}

// traitsOf lists the traits of a valid configuration, each once, in order.
func traitsOf(s harness.System, c *configuration.Configuration) ([]trait, error) {
	t, err := s.Topology(c)
	if err != nil {
		return nil, err
	}
	set := map[trait]bool{}
	var kinds []string
	for _, f := range c.Plan.Faults {
		kinds = append(kinds, string(f.Kind))
		for _, name := range slices.Concat(f.Nodes, f.To) {
			if n, err := t.Node(name); err == nil {
				set[trait(string(f.Kind)+" of "+string(n.Role))] = true
			}
		}
		if f.Point != "" {
			set[trait("at "+f.Point)] = true
		}
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	for i, a := range kinds {
		set[trait(a)] = true
		for _, b := range kinds[i+1:] {
			set[trait(a+" and "+b)] = true
		}
	}
	for _, scene := range c.Plan.Has(t) {
		set[trait("scene "+string(scene))] = true
	}
	sized(set, "", c.Settings)
	return slices.Sorted(maps.Keys(set)), nil
}

// sized adds about how large the numbers of an object are, and whether there are any.
func sized(set map[trait]bool, name string, value json.RawMessage) {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) == nil {
		for key, v := range object {
			sized(set, name+"."+key, v)
		}
		return
	}
	if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
		set[trait(name+" "+strconv.Itoa(bits.Len64(n)))] = true
	}
}
