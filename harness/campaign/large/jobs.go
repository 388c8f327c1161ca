package large

import (
	"encoding/binary"
	"encoding/json"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/spec/subjects"
)

// A World is one that no search comes to the end of.
type World struct {
	Subject   string // the name of the model
	Name      string
	Constants json.RawMessage
}

// Worlds returns the large worlds of all models (see check.Subject).
func Worlds() []World {
	var all []World
	for _, s := range subjects.All() {
		for _, w := range s.Large {
			all = append(all, World{s.Name, w.Name, w.Constants})
		}
	}
	return all
}

// statesOfWalks is how many states the walks of one job have together at most: tenths of a second.
const statesOfWalks = 8_000

// depths are the bounds of walks, in turn. Short walks see many beginnings, where all behaviours pass; long ones come to what needs many
// steps first, such as a second take-over, and most end of themselves, where a world's limits are reached.
func depths() []int { return []int{50, 100, 200, 400, 1_000} }

// searches are the turns in which a world is searched level by level in the place of walks, each time further. Such a search has no
// seed, so a second one to the same bound would see nothing new. The level that comes to the bound is found whole and can have
// several times as many states.
func searches() map[uint64]int { return map[uint64]int{0: 5_000, 20: 50_000} }

// Jobs returns so many jobs of arm Model, from the one with the given ordinal on, counted from 0. Each is a pure function of the worlds, the
// seed and its ordinal, which is its number, too, until the campaign gives it another. The worlds come in turn.
func Jobs(worlds []World, seed, from uint64, n int) []job.Job {
	if len(worlds) == 0 {
		return nil
	}
	jobs := make([]job.Job, n)
	for i := range jobs {
		jobs[i] = one(worlds, seed, from+uint64(i))
	}
	return jobs
}

func one(worlds []World, seed, ordinal uint64) job.Job {
	w, turn := worlds[ordinal%uint64(len(worlds))], ordinal/uint64(len(worlds))
	walks := job.Walks{Subject: w.Subject, World: w.Name, Constants: w.Constants}
	if states, search := searches()[turn]; search {
		walks.States = states
		return job.Job{Number: ordinal, Arm: job.Model, Walks: &walks}
	}
	all := depths()
	walks.Depth = all[turn%uint64(len(all))]
	walks.Walks = statesOfWalks / walks.Depth
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, seed), ordinal)
	return job.Job{Number: ordinal, Arm: job.Model, Seed: xxh3.Hash(key), Walks: &walks}
}
