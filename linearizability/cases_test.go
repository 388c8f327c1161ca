package linearizability

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Real histories that were undecided for long: each has its verdict within a small part of the time that it was given once.
func TestHistoriesThatWereUndecided(t *testing.T) {
	for _, tc := range []struct {
		file string
		want Verdict
	}{
		// Four sessions of 150 transactions, tied together by a key each: 62 million steps did not order them.
		{"galera-4x150-sessions.jsonl", Legal},
		// More transactions than a square of them could be kept of.
		{"legal-4500-transactions.jsonl.gz", Legal},
		// One register with few values, of which a third of the writes have no known outcome.
		{"register-200-calls-30-percent-unknown.jsonl", Legal},
	} {
		t.Run(tc.file, func(t *testing.T) {
			f, err := os.Open(filepath.Join("testdata", tc.file))
			require.NoError(t, err)
			defer f.Close()
			var from io.Reader = f
			if strings.HasSuffix(tc.file, ".gz") {
				from, err = gzip.NewReader(f)
				require.NoError(t, err)
			}
			rec, err := ReadRecording(tc.file, from, FormatAuto)
			require.NoError(t, err)
			began := time.Now()
			result := rec.Check(context.Background(), "", Limits{Steps: 20_000_000, Memory: 256 << 20})
			t.Log(result.Verdict, result.Proof, result.Steps, time.Since(began))
			require.Equal(t, tc.want, result.Verdict, "%v", result.Err())
		})
	}
}
