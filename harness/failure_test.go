package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
)

// aFailure is a recorded run that could not tell, because of a limit.
func aFailure(t testing.TB) *Failure {
	c := quiet(t)
	c.Limits = sim.Limits{Events: 800}
	r := RunRecorded(c, true)
	require.Equal(t, CouldNotTell, r.Verdict)
	return NewFailure(&r)
}

func written(t *testing.T, f *Failure) (file string, text string) {
	file = filepath.Join(t.TempDir(), "a.fgt")
	require.NoError(t, f.Write(file))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return file, string(b)
}

func TestAFailureFileHoldsWhatItTakes(t *testing.T) {
	f := aFailure(t)
	f.Findings[0].Detail = `odd text: <a> & "b" | ünïcode ` + "\u2028"
	file, text := written(t, f)
	again, err := ReadFailure(file)
	require.NoError(t, err)
	require.Equal(t, f, again)
	require.NotEmpty(t, again.History)
	require.NotEmpty(t, again.Trail.Lines)
	require.Equal(t, again.Trail.Events, len(again.Trail.Lines)+again.Trail.From-1)
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
	again, err = DecodeFailure("plain", plain)
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
		"a newer version":   {strings.Replace(text, `"version": 1`, `"version": 2`, 1), OtherVersion, "expected version 1, found 2"},
		"another seed":      {strings.Replace(text, `"seed": 5,`, `"seed": 6,`, 1), Altered, "expected the checksum"},
		"another verdict":   {strings.Replace(text, `"verdict": "could not tell"`, `"verdict": "pass"`, 1), Altered, "expected the checksum"},
		"another event":     {strings.Replace(text, `starts, incarnation 1`, `starts, incarnation 2`, 1), Altered, "expected the checksum"},
		"another checksum":  {strings.Replace(text, `"sum": "`, `"sum": "0`, 1), Altered, "expected the checksum"},
		"too large":         {text + strings.Repeat(" ", maxFailureBytes), TooLarge, "expected at most"},
	} {
		require.NotEqual(t, text, c.text, name)
		f, err := DecodeFailure("some.fgt", []byte(c.text))
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
	f.Trail.Lines, f.Trail.Hashes, f.History = f.Trail.Lines[:3], "", f.History[:1]
	text, err := f.Encode()
	require.NoError(t, err)
	for n := 0; n < len(text)-2; n++ { // the last two bytes are the brace and the end of the line
		_, err := DecodeFailure("f", text[:n])
		require.Error(t, err, "the first %d of %d bytes", n, len(text))
	}
	for n := 0; n < len(text); n++ {
		c := text[n]
		if c == ' ' || c == '\n' {
			continue // between tokens it says nothing
		}
		text[n] = 'x'
		if c != 'x' {
			_, err := DecodeFailure("f", text)
			require.Error(t, err, "byte %d, %q, changed", n, c)
		}
		text[n] = c
	}
}

// What has a good checksum may still make no sense.
func TestAFailureFileThatMakesNoSenseIsRefused(t *testing.T) {
	f := aFailure(t)
	f.Configuration.Volume.ReadQuorum = 9
	text, err := f.Encode()
	require.NoError(t, err)
	_, err = DecodeFailure("f", text)
	var e *FileError
	require.ErrorAs(t, err, &e)
	require.Equal(t, NotValid, e.Problem)
	require.Contains(t, e.Detail, "volume.readQuorum")
}

func TestAFailureFileThatIsNotThere(t *testing.T) {
	_, err := ReadFailure(filepath.Join(t.TempDir(), "none.fgt"))
	require.ErrorContains(t, err, "none.fgt: no such file")
	require.Error(t, aFailure(t).Write(filepath.Join(t.TempDir(), "no", "such", "folder", "a.fgt")))
}

func TestReplayIsTheSame(t *testing.T) {
	file, _ := written(t, aFailure(t))
	p, err := ReplayFile(file)
	require.NoError(t, err)
	require.True(t, p.Same, "%v", p.Differences)
	require.Empty(t, p.Differences)
	require.Zero(t, p.First)
	var out strings.Builder
	require.NoError(t, p.WriteText(&out))
	require.Contains(t, out.String(), "the same run as recorded: could not tell")
	require.Contains(t, out.String(), "breaks: "+Guarantee(Sanity))
}

func TestReplaySaysWhatDiffers(t *testing.T) {
	f := aFailure(t)
	other := quiet(t)
	other.Limits = f.Configuration.Limits
	other.Network.Jitter++
	r := RunRecorded(other, true)
	changed := NewFailure(&r)
	changed.Configuration = f.Configuration // as if the program had changed
	changed.Findings = append(changed.Findings, violated(faults.Pages, &PageError{Page: 1}))
	changed.Verdict = Violation
	p, err := ReplayFailure(changed)
	require.NoError(t, err)
	require.False(t, p.Same)
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
	require.Contains(t, out.String(), "not the run that was recorded")
	require.Contains(t, out.String(), "recorded: "+p.Expected)

	changed.Trail.Hashes = "not base64!"
	_, err = ReplayFailure(changed)
	require.Error(t, err)
}

// A failure that took failpoints means nothing without them.
func TestReplayNeedsTheBuildThatItTook(t *testing.T) {
	f := aFailure(t)
	f.Build.Overlay = true
	file, _ := written(t, f)
	_, err := ReplayFile(file)
	if HasPoints() {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, faults.ErrNoOverlay)
	}
}
