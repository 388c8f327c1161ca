package shrink

import "github.com/firstgap/firstgap/harness/configuration"

// Ordinaries are the changes that make a run ordinary, for plain delta debugging over the same things.
func Ordinaries() (all []func(*configuration.Configuration)) {
	for _, x := range ordinaries() {
		all = append(all, x.do)
	}
	return all
}
