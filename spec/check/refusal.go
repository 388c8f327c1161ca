package check

import "fmt"

// A Refusal says which action of a model, or invariant of it, does not allow a step of a run that was traced.
type Refusal struct {
	Name            string // "Store", "Durable"
	Why             string
	Expected, Found string
}

func (e *Refusal) Error() string {
	return fmt.Sprintf("%s: %s; expected %s, found %s", e.Name, e.Why, e.Expected, e.Found)
}

// Refuse returns the refusal of a step.
func Refuse(name, why, expected, found string) *Refusal {
	return &Refusal{Name: name, Why: why, Expected: expected, Found: found}
}
