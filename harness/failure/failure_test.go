package failure

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// quiet is a configuration of our own system in which nothing goes wrong but the take-over at the end.
func quiet(t testing.TB) configuration.Configuration {
	c, err := aurora.System().Generate(5, harness.Generation{})
	require.NoError(t, err)
	c.Plan.Faults, c.Plan.BeyondBudget = nil, false
	return c
}

// aFailure is a recorded run that could not tell, because of a limit.
func aFailure(t testing.TB) *Failure {
	c := quiet(t)
	c.Limits = sim.Limits{Events: 800}
	r, trail := Record(aurora.System(), c)
	require.Equal(t, judge.CouldNotTell, r.Verdict)
	return Of(&r, trail)
}

// systems are those that the tests' program knows.
func systems() []harness.System { return []harness.System{aurora.System()} }

func written(t *testing.T, f *Failure) (file string, text string) {
	file = filepath.Join(t.TempDir(), "a.fgt")
	require.NoError(t, f.Write(file))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return file, string(b)
}

func TestAFailureFileHoldsWhatItTakes(t *testing.T) {
	f := aFailure(t)
	f.Findings[0].Subject = `odd text: <a> & "b" | ünïcode ` + "\u2028"
	file, text := written(t, f)
	again, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, f, again)
	require.NotEmpty(t, again.History)
	require.NotEmpty(t, again.Trail.Records)
	require.Equal(t, again.Trail.Events, len(again.Trail.Records)+again.Trail.From-1)
	require.Equal(t, "github.com/firstgap/firstgap", again.Build.Module)
	require.NotEmpty(t, again.Build.Go)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	require.NoError(t, err)
	require.Equal(t, []string{file}, left, "nothing half written stays behind")

	// White space is for people: it is not what is summed.
	var e map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &e))
	plain, err := json.Marshal(e)
	require.NoError(t, err)
	again, err = Decode("plain", plain)
	require.NoError(t, err)
	require.Equal(t, f, again)
}

func TestAFailureFileThatIsNotWholeIsRefused(t *testing.T) {
	_, text := written(t, aFailure(t))
	for name, c := range map[string]struct {
		text    string
		problem FileProblem
		words   string
	}{
		"empty":             {"", NoFailureFile, `"firstgap failure"`},
		"a picture":         {"\x89PNG\r\n", NoFailureFile, "expected JSON"},
		"other JSON":        {`{"seed": 5}`, NoFailureFile, `found ""`},
		"a list":            {`[1, 2]`, NoFailureFile, "expected JSON"},
		"cut in the middle": {text[:len(text)/2], Truncated, "bytes in the middle"},
		"without its end":   {text[:len(text)-3], Truncated, "bytes in the middle"},
		"something behind":  {text + "{}", Altered, "found more"},
		"a newer version":   {strings.Replace(text, `"version": 3`, `"version": 4`, 1), OtherVersion, "expected version 2 to 3, found 4"},
		"an older version":  {strings.Replace(text, `"version": 3`, `"version": 1`, 1), OtherVersion, "expected version 2 to 3, found 1"},
		"another seed":      {strings.Replace(text, `"seed": 5,`, `"seed": 6,`, 1), Altered, "expected the checksum"},
		"another verdict":   {strings.Replace(text, `"verdict": "could not tell"`, `"verdict": "pass"`, 1), Altered, "expected the checksum"},
		"another event":     {strings.Replace(text, `"incarnation": 1`, `"incarnation": 2`, 1), Altered, "expected the checksum"},
		"another checksum":  {strings.Replace(text, `"sum": "`, `"sum": "0`, 1), Altered, "expected the checksum"},
		"too large":         {text + strings.Repeat(" ", maxBytes), TooLarge, "expected at most"},
	} {
		require.NotEqual(t, text, c.text, name)
		f, err := Decode("some.fgt", []byte(c.text))
		require.Nil(t, f, name)
		var e *FileError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.problem, e.Problem, "%s: %v", name, err)
		require.Contains(t, e.Error(), "some.fgt "+string(c.problem))
		require.Contains(t, e.Error(), c.words, name)
	}
}

// Every prefix of a file is refused, and so is every file with one byte changed.
func TestNoPartOfAFailureFileIsRead(t *testing.T) {
	f := aFailure(t)
	f.Trail.Records, f.Trail.Hashes, f.History = f.Trail.Records[:3], "", f.History[:1]
	f.Counts, f.NotMade = counts.Counts{}, f.NotMade[:1]
	text, err := f.Encode()
	require.NoError(t, err)
	for n := 0; n < len(text)-2; n++ { // the last two bytes are the brace and the end of the line
		_, err := Decode("f", text[:n])
		require.Error(t, err, "the first %d of %d bytes", n, len(text))
	}
	for n := 0; n < len(text); n++ {
		c := text[n]
		if c == ' ' || c == '\n' {
			continue // between tokens it says nothing
		}
		text[n] = 'x'
		if c != 'x' {
			_, err := Decode("f", text)
			require.Error(t, err, "byte %d, %q, changed", n, c)
		}
		text[n] = c
	}
}

// What has a good checksum may still make no sense.
func TestAFailureFileThatMakesNoSenseIsRefused(t *testing.T) {
	f := aFailure(t)
	f.Configuration.Network.Loss = 2
	text, err := f.Encode()
	require.NoError(t, err)
	_, err = Decode("f", text)
	var e *FileError
	require.ErrorAs(t, err, &e)
	require.Equal(t, NotValid, e.Problem)
	require.Contains(t, e.Detail, "network.loss")
}

func TestAFailureFileThatIsNotThere(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none.fgt"))
	require.ErrorContains(t, err, "none.fgt: no such file")
	require.Error(t, aFailure(t).Write(filepath.Join(t.TempDir(), "no", "such", "folder", "a.fgt")))
}

func TestReplayIsTheSame(t *testing.T) {
	file, _ := written(t, aFailure(t))
	f, err := Read(file)
	require.NoError(t, err)
	p, err := Again(f, systems())
	require.NoError(t, err)
	require.Equal(t, Reproduced, p.Answer, "%v", p.Differences)
	require.Equal(t, judge.CouldNotTell, p.Verdict())
	require.Empty(t, p.Differences)
	require.Zero(t, p.First)
	var out strings.Builder
	require.NoError(t, p.WriteText(&out))
	require.Contains(t, out.String(), "reproduced: the same run as recorded, could not tell")
	require.Contains(t, out.String(), "breaks: "+judge.Guarantee(faults.Sanity))
}

func TestReplaySaysWhatDiffers(t *testing.T) {
	f := aFailure(t)
	other := f.Configuration
	other.Network.Jitter++
	r, trail := Record(aurora.System(), other)
	changed := Of(&r, trail)
	changed.Configuration = f.Configuration // as if the program had changed
	changed.Findings = append(changed.Findings, judge.Violated(faults.Pages, &judge.PageError{Page: 1}))
	changed.Verdict = judge.Violation
	p, err := Again(changed, systems())
	require.NoError(t, err)
	require.Equal(t, Differs, p.Answer)
	require.Equal(t, judge.CouldNotTell, p.Verdict())
	require.Positive(t, p.First)
	require.NotEqual(t, p.Expected, p.Found)
	require.NotEmpty(t, p.Expected)
	all := strings.Join(p.Differences, "\n")
	require.Contains(t, all, "hash: expected "+changed.Hash)
	require.Contains(t, all, "verdict: expected violation as recorded, found could not tell")
	require.Contains(t, all, "finding 2: expected violation: pages")
	require.Contains(t, all, "is the first that differs")
	var out strings.Builder
	require.NoError(t, p.WriteText(&out))
	require.Contains(t, out.String(), fmt.Sprintf("differs from what was recorded from event %d on", p.First))
	require.Contains(t, out.String(), "recorded: "+p.Expected)

	changed.Trail.Hashes = "not base64!"
	_, err = Again(changed, systems())
	require.Error(t, err)
}

// A failure that was mended is no longer one: a replay on the mended build says so, and passes.
func TestAFailureThatWasMendedNoLongerFails(t *testing.T) {
	f := aFailure(t)
	f.Configuration = quiet(t)
	p, err := Again(f, systems())
	require.NoError(t, err)
	require.Equal(t, NoLongerFails, p.Answer)
	require.Equal(t, judge.Pass, p.Verdict())
	var out strings.Builder
	require.NoError(t, p.WriteText(&out))
	require.Contains(t, out.String(), "no longer fails: the run passes now")
}

// A failure of a system that the program does not know, or that took failpoints which it does not have, says what it needs.
func TestReplayNeedsWhatTheFailureTook(t *testing.T) {
	f := aFailure(t)
	f.Needs.System = "mine"
	_, err := Again(f, systems())
	require.EqualError(t, err, `the failure needs the system "mine"; this program has aurora`)

	f = aFailure(t)
	f.Needs.Overlay = true
	_, err = Again(f, systems())
	if harness.HasPoints() {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, faults.ErrNoOverlay)
	}
	c := quiet(t)
	require.False(t, needsOverlay(&c))
	c.Plan.Faults = []faults.Fault{{Kind: faults.CrashAtPoint}}
	require.True(t, needsOverlay(&c))
}

// fickle is our own system, but for writers that each answer by a clock of their own: a count that outlives the run.
func fickle() harness.System {
	of := aurora.Ours()
	inner, runs := of.Writer, 0
	of.Writer = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		runs++
		n.RetryEvery += faults.Duration(runs)
		return inner(id, v, n, hook)
	}
	return aurora.Of(aurora.Name, of)
}

// A run that is another one the second time is refused, with the first event that differs.
func TestASystemThatIsNotDeterministicIsRefused(t *testing.T) {
	_, err := Twice(aurora.System(), quiet(t))
	require.NoError(t, err)
	_, err = Twice(fickle(), quiet(t))
	var e *DeterminismError
	require.ErrorAs(t, err, &e)
	require.Positive(t, e.Event)
	require.NotEqual(t, e.Expected, e.Found)
	require.ErrorContains(t, err, fmt.Sprintf("not deterministic: the same configuration gave another run from event %d on: expected ", e.Event))

	// Its file is replayed twice, too: each run by itself passes.
	r, trail := Record(fickle(), quiet(t))
	f := Of(&r, trail)
	f.Findings, f.Verdict = append(f.Findings, judge.Violated(judge.Determinism, err)), judge.Violation
	p, err := Again(f, []harness.System{fickle()})
	require.NoError(t, err)
	require.Equal(t, Reproduced, p.Answer)
	require.Equal(t, judge.Violation, p.Verdict())
	p, err = Again(f, systems())
	require.NoError(t, err)
	require.Equal(t, NoLongerFails, p.Answer, "it was mended")
}

// A trail is records, and the lines for people are made of them: they say what was said of the events themselves.
func TestALineIsMadeOfItsRecord(t *testing.T) {
	c, err := aurora.System().Generate(3, harness.Generation{})
	require.NoError(t, err)
	var said []string
	var recorder *sim.Recorder
	harness.RunWith(aurora.System(), c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if recorder == nil {
			recorder = sim.NewRecorder(w, 1<<20)
		}
		said = append(said, w.Describe(e))
		recorder.Hear(e)
	}})
	trail := trailOf(recorder)
	text, err := json.Marshal(trail)
	require.NoError(t, err)
	var read Trail
	require.NoError(t, json.Unmarshal(text, &read))
	lines, kinds, left := read.Lines(), map[sim.EventKind]int{}, 0
	require.Len(t, lines, len(said))
	for i := range lines {
		kinds[read.Records[i].Kind]++
		if read.Records[i].Left != nil {
			left++
			require.Contains(t, lines[i], "bytes, left out)")
			continue
		}
		require.Equal(t, said[i], lines[i])
	}
	require.Len(t, kinds, 10, "every kind of event")
	require.Positive(t, left)
	require.Less(t, left, len(lines)/20)
}
