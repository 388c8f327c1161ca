package fuzz

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/large"
	"github.com/firstgap/firstgap/harness/configuration"
)

// A chooser chooses the jobs of a campaign: a pure function of its options and the lines so far (see guide.Guide, which is one).
type chooser interface {
	Jobs(batch uint64) ([]job.Job, error)
	Worth(*job.Line) bool
	Fold(l *job.Line, kept *configuration.Configuration) error
}

// ModelSystem is what a campaign says that it runs when it searches worlds of the model in the place of runs.
const ModelSystem = "model"

// searches chooses searches of worlds of the model that are too large to finish, each another one. What they found changes nothing of
// what comes next.
type searches struct {
	worlds []large.World
	seed   uint64
	batch  uint64
}

func (s searches) Jobs(batch uint64) ([]job.Job, error) {
	return large.Jobs(s.worlds, s.seed, batch*s.batch, int(s.batch)), nil
}

func (searches) Worth(*job.Line) bool                               { return false }
func (searches) Fold(*job.Line, *configuration.Configuration) error { return nil }

// A WorldError says that there is no large world of that name.
type WorldError struct {
	Found string
	Known []string
}

func (e *WorldError) Error() string {
	return fmt.Sprintf("there is no large world %q; known: %v", e.Found, e.Known)
}

// largeWorlds returns the large worlds of these names, MODEL/WORLD; all where there are no names.
func largeWorlds(names []string) ([]large.World, error) {
	all := large.Worlds()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	at := map[string]large.World{}
	for _, w := range all {
		name := w.Subject + "/" + w.Name
		known, at[name] = append(known, name), w
	}
	var chosen []large.World
	for _, name := range names {
		w, there := at[name]
		if !there {
			return nil, &WorldError{name, known}
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}
