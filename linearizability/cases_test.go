package linearizability

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every file is small, real, and was once not read, or read as something else.
func TestCases(t *testing.T) {
	type want struct {
		format     Format
		model      Model
		verdict    Verdict
		operations int
		pending    int
	}
	for name, tc := range map[string]want{
		"bom.jsonl":                                {FormatJSON, ModelKV, Legal, 1, 0},
		"elle-rw-register.json":                    {FormatJepsenJSON, ModelTxn, Legal, 2, 0},
		"d50-200-info30.jsonl":                     {FormatJSON, ModelRegister, Legal, 235, 35},
		"elle-list-append.edn":                     {FormatEDN, ModelTxn, Legal, 2, 0},
		"unknown-galera-4x150-session-chain.jsonl": {FormatJSON, ModelTxn, Legal, 572, 0},
		"unknown-legal-4500-txns.jsonl.gz":         {FormatJSON, ModelTxn, Legal, 4507, 7},
		"etcd-operations.json":                     {FormatEtcd, ModelTxn, Illegal, 3, 0},
		"jepsen-cut-inside-last-number.log":        {FormatJepsen, ModelRegister, Legal, 2, 1},
		"jepsen-fail-read-nil-error.log":           {FormatJepsen, ModelRegister, Unknown, 0, 0},
		"jepsen-fail-with-error-column.log":        {FormatJepsen, ModelRegister, Legal, 1, 0},
		"jepsen-history-txt.txt":                   {FormatJepsen, ModelRegister, Legal, 1, 0},
		"jepsen-history.edn":                       {FormatEDN, ModelRegister, Legal, 2, 0},
		"jepsen-independent-keys.log":              {FormatJepsen, ModelRegister, Legal, 3, 0},
		"jepsen-log-of-today.log":                  {FormatJepsen, ModelRegister, Legal, 1, 0},
		"json-delete-call.jsonl":                   {FormatJSON, ModelKV, Legal, 3, 0},
		"json-extra-key.jsonl":                     {FormatJSON, ModelKV, Legal, 1, 0},
		"json-named-client.jsonl":                  {FormatJSON, ModelKV, Legal, 1, 0},
		"json-number-value.jsonl":                  {FormatJSON, ModelKV, Legal, 1, 0},
		"knossos-good-memstress3-32-as-log.log":    {FormatJepsen, ModelRegister, Legal, 29, 5},
		"kvlog-comment.txt":                        {FormatKVLog, ModelKV, Legal, 1, 0},
		"kvlog-number-keys.txt":                    {FormatKVLog, ModelKV, Legal, 1, 0},
		"kvlog-with-time.txt":                      {FormatKVLog, ModelKV, Legal, 1, 0},
		"plume-text.txt":                           {FormatPlume, ModelTxn, Legal, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			result := CheckFile(context.Background(), filepath.Join("testdata", "histories", name), Request{Limits: Limits{Steps: 100000}})
			require.Equal(t, tc, want{result.Format, result.Model, result.Verdict, result.Operations, result.Pending}, "%s %v", result.Reason, result.Notes)
		})
	}
}
