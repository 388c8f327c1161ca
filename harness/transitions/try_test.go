package transitions

import (
	"os"
	"testing"

	"github.com/firstgap/firstgap/harness/aurora"
)

func tryScope(t *testing.T, change func(s *Scope)) {
	s := Scopes()[0]
	s.Gaps = nil
	for _, c := range gapClasses {
		s.Gaps = append(s.Gaps, c.Name)
	}
	change(&s)
	r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: s})
	if err != nil {
		t.Fatal(err)
	}
	r.WriteText(os.Stdout)
}

func TestTryEpochs(t *testing.T) { tryScope(t, func(s *Scope) { s.Model.MaxEpoch = 3; s.Model.MaxLSN = 1 }) }
func TestTryAborts(t *testing.T) { tryScope(t, func(s *Scope) { s.Model.Aborts = true; s.Model.MaxLSN = 3 }) }
func TestTryTwo(t *testing.T)    { tryScope(t, func(s *Scope) { s.Model.Txns = 2; s.Model.MaxLSN = 3 }) }
