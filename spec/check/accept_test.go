package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A dial is turned from 0 to 9, by one move or several.
type dial struct{ N uint8 }

func turn(name string) check.Move[dial] {
	return check.Move[dial]{Name: name, Next: func(s dial, yield func(dial, ...int)) {
		if s.N < 9 {
			yield(dial{s.N + 1})
		}
	}}
}

func dialModel(change func(*check.Plain[dial])) check.Model {
	p := check.Plain[dial]{
		Title: "dial", Constants: struct{}{}, Moves: []check.Move[dial]{turn("Turn")},
		Must: []check.Must[dial]{{Name: "Small", Guarantee: "n is at most 9", Holds: func(s dial) bool { return s.N <= 9 }}},
	}
	if change != nil {
		change(&p)
	}
	return p.Model()
}

var reaches = []check.Leads[dial]{{Name: "Turns", Guarantee: "it is turned", To: func(s dial) bool { return s.N == 9 }}}

func allFair(move string, args []int) string { return check.Instance(move, args) }

// A model that promises nothing would always pass.
func TestModelWithoutPropertyIsRefused(t *testing.T) {
	for name, change := range map[string]func(*check.Plain[dial]){
		"nothing": func(p *check.Plain[dial]) { p.Must = nil },
		"situations alone": func(p *check.Plain[dial]) {
			p.Reach, p.Must = []check.Must[dial]{{Name: "Nine", Holds: func(s dial) bool { return s.N == 9 }}}, nil
		},
	} {
		for _, o := range []check.Options{{Workers: 1}, {Walks: 3}} {
			r, err := check.Search(t.Context(), dialModel(change), o)
			require.Nil(t, r, name)
			var none *check.NoPropertyError
			require.ErrorAs(t, err, &none, name)
			require.EqualError(t, err, "check: model dial has no property to check; expected an invariant or a progress property")
		}
	}
	// Run decides no progress, so a model that promises nothing else would pass unseen.
	promising := dialModel(func(p *check.Plain[dial]) { p.Must, p.Progress, p.Fair = nil, reaches, allFair })
	_, err := check.Run(t.Context(), promising, check.Options{})
	require.EqualError(t, err, "check: model dial has no property to check; expected an invariant: its progress is decided by RunProgress alone")

	// The near misses: one invariant, or one progress property, is enough.
	for name, m := range map[string]check.Model{"invariant": dialModel(nil), "progress": promising} {
		r, err := check.Search(t.Context(), m, check.Options{})
		require.NoError(t, err, name)
		require.Equal(t, check.Pass, r.Verdict, name)
	}
	some, err := check.Only(dialModel(func(p *check.Plain[dial]) { p.Progress, p.Fair = reaches, allFair }), []string{"Turns"})
	require.NoError(t, err)
	r, err := check.Search(t.Context(), some, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
}

// Two moves of one name would be one in the counts and in a counterexample.
func TestModelWithTwoActionsOfOneNameIsRefused(t *testing.T) {
	for name, change := range map[string]func(*check.Plain[dial]){
		"invariants": func(p *check.Plain[dial]) {},
		"progress":   func(p *check.Plain[dial]) { p.Progress, p.Fair = reaches, allFair },
	} {
		_, err := check.Search(t.Context(), dialModel(func(p *check.Plain[dial]) {
			change(p)
			p.Moves = []check.Move[dial]{turn("Turn"), turn("Push"), turn("Turn")}
		}), check.Options{})
		var twice *check.DuplicateActionError
		require.ErrorAs(t, err, &twice, name)
		require.Equal(t, check.DuplicateActionError{Model: "dial", Action: "Turn", First: 1, Second: 3}, *twice)
		require.EqualError(t, err, `check: model dial has two actions named "Turn", number 1 and number 3; expected a name for each`)

		// The near miss: names that differ in case are two, as in TLA+.
		r, err := check.Search(t.Context(), dialModel(func(p *check.Plain[dial]) {
			change(p)
			p.Moves = []check.Move[dial]{turn("Turn"), turn("turn")}
		}), check.Options{})
		require.NoError(t, err, name)
		require.Equal(t, check.Pass, r.Verdict, name)
	}
}

// moody turns, but says so in another way at every call: by what changes says.
func moody(change func(call int, yield func(dial, ...int))) func(*check.Plain[dial]) {
	call := 0
	return func(p *check.Plain[dial]) {
		p.Moves = append(p.Moves, check.Move[dial]{Name: "Moody", Next: func(s dial, yield func(dial, ...int)) {
			if s.N == 5 {
				call++
				change(call, yield)
			}
		}})
	}
}

// A Next that is not a function of the state was reported as a collision of fingerprints, or passed.
func TestModelThatIsNotDeterministicIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(call int, yield func(dial, ...int))
		want   string
	}{
		"another state": {func(call int, yield func(dial, ...int)) { yield(dial{uint8(call % 2)}) }, "its step 2 was Moody() to the state "},
		"another order": {func(call int, yield func(dial, ...int)) {
			for i := range 2 {
				yield(dial{uint8((call + i) % 2)})
			}
		}, "its step 2 was Moody() to the state "},
		"other arguments": {func(call int, yield func(dial, ...int)) { yield(dial{7}, call) }, "its step 2 was Moody(1) to the state "},
		"one step fewer": {func(call int, yield func(dial, ...int)) {
			if call == 1 {
				yield(dial{7})
			}
		}, "and in a second call none"},
		"one step more": {func(call int, yield func(dial, ...int)) {
			if call == 2 {
				yield(dial{7})
			}
		}, "its step 2 was none, and in a second call Moody()"},
	} {
		for how, o := range map[string]check.Options{"search": {Workers: 1}, "walk": {Walks: 1, Workers: 1}} {
			t.Run(name+", "+how, func(t *testing.T) {
				r, err := check.Search(t.Context(), dialModel(moody(c.change)), o)
				require.Nil(t, r)
				var moods *check.NotDeterministicError
				require.ErrorAs(t, err, &moods)
				require.Equal(t, []check.Var{{Name: "N", Value: "5"}}, moods.State)
				require.ErrorContains(t, err, "check: Next of model dial is not deterministic: from the state N = 5 ")
				require.ErrorContains(t, err, c.want)
			})
		}
		t.Run(name+", progress", func(t *testing.T) {
			change := moody(c.change)
			_, err := check.Search(t.Context(), dialModel(func(p *check.Plain[dial]) {
				change(p)
				p.Progress, p.Fair = reaches, allFair
			}), check.Options{})
			var moods *check.NotDeterministicError
			require.ErrorAs(t, err, &moods)
		})
	}
	// The near misses: several steps to one state, a step that changes nothing, and calls that count themselves.
	calls := 0
	r, err := check.Search(t.Context(), dialModel(moody(func(_ int, yield func(dial, ...int)) {
		calls++
		yield(dial{5}, 1)
		yield(dial{7}, 2)
		yield(dial{7}, 3)
	})), check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Pass, r.Verdict)
	require.Equal(t, 3, calls, "twice for the sample and once for the search")
}

// Far from the start only a sample of the states is asked twice. A way that is lost there asks again before it says
// anything of fingerprints.
func TestLostWayOfANotDeterministicModelIsNamed(t *testing.T) {
	type far struct{ N uint16 }
	const bad = 201 // not in the sample of one worker on a line of states
	once := func(call int, then uint16) uint16 {
		if call == 1 {
			return 999
		}
		return then
	}
	var moods *check.NotDeterministicError
	var lost *check.LostTraceError
	for name, c := range map[string]struct {
		next func(call int) uint16
		want any
	}{
		"another each time": {func(call int) uint16 { return once(call, 900+uint16(call)) }, &moods},
		"now and then":      {func(call int) uint16 { return once(call%3, 900) }, &moods},
		"never again":       {func(call int) uint16 { return once(call, 900) }, &lost}, // which no later call can tell
	} {
		t.Run(name, func(t *testing.T) {
			call := 0
			m := check.Plain[far]{
				Title: "far", Constants: struct{}{},
				Moves: []check.Move[far]{{Name: "Go", Next: func(s far, yield func(far, ...int)) {
					switch {
					case s.N == bad:
						call++
						yield(far{c.next(call)})
					case s.N < 300:
						yield(far{s.N + 1})
					}
				}}},
				Must: []check.Must[far]{{Name: "Near", Guarantee: "it stays below 999", Holds: func(s far) bool { return s.N < 999 }}},
			}.Model()
			_, err := check.Run(t.Context(), m, check.Options{Workers: 1})
			require.ErrorAs(t, err, c.want)
			if c.want == &moods {
				require.Equal(t, []check.Var{{Name: "N", Value: "201"}}, moods.State)
			} else {
				require.ErrorContains(t, err, "expected states with fingerprints of their own, steps with names of their own, and a model that depends on its state alone")
			}
		})
	}
}
