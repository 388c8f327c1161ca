package command

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/verdict"
)

// interruptAt cancels when it has been written to with the words.
type interruptAt struct {
	words  string
	cancel context.CancelFunc
	bytes.Buffer
}

func (w *interruptAt) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.words) {
		w.cancel()
	}
	return w.Buffer.Write(b)
}

// Ctrl-C ends a job cleanly, wherever it is: what was found so far is printed and written, and the exit code is 2.
func TestAnInterruptedRunSaysWhatItFound(t *testing.T) {
	for name, words := range map[string]string{"at once": "", "after the model": "searches done"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if words == "" {
				cancel()
			}
			stderr := &interruptAt{words: words, cancel: cancel}
			var stdout bytes.Buffer
			out := filepath.Join(t.TempDir(), "report")
			require.Equal(t, verdict.CouldNotTell.ExitCode(), run(ctx, Systems(), []string{"run", "--out", out}, &stdout, stderr))
			require.Contains(t, stdout.String(), "verdict: could not tell")
			require.Contains(t, stdout.String(), "interrupted after")
			require.FileExists(t, filepath.Join(out, "report.json"))
			require.FileExists(t, filepath.Join(out, "junit.xml"))
		})
	}
}
