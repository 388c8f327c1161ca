package linearizability

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// described is the part of the documentation that is made from the table of formats.
func described() string {
	var b strings.Builder
	for _, f := range Formats() {
		fmt.Fprintf(&b, "### %s\n\n%s.\n\n", f.Name, f.Title)
		text, example, found := strings.Cut(f.Text, "\n  {")
		b.WriteString(text + "\n")
		if found {
			// The rest of the text goes on behind lines of an example.
			lines, rest, _ := strings.Cut("  {"+example, "\nAnswers")
			b.WriteString("\n```\n" + strings.ReplaceAll(lines, "\n  ", "\n")[2:] + "\n```\n\nAnswers" + rest + "\n")
		}
		fmt.Fprintf(&b, "\n```\n%s\n```\n\n", f.Example)
	}
	return b.String()
}

// The documentation describes every format as the table does. The part that must be there is printed when it is not.
func TestDocumentationDescribesTheFormats(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "histories.md"))
	require.NoError(t, err)
	if !strings.Contains(string(page), described()) {
		t.Fatalf("docs/histories.md: expected this part, as the table of formats has it:\n\n%s", described())
	}
}

// The test of a store that the documentation shows is one that runs, in fewer than 20 lines.
func TestDocumentationShowsATestThatRuns(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "histories.md"))
	require.NoError(t, err)
	source, err := os.ReadFile("store_test.go")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(source), "func TestStore(t *testing.T) {")
	body, _, found := strings.Cut(rest, "\n}\n")
	require.True(t, found)
	shown := "func TestStore(t *testing.T) {" + body + "\n}\n"
	require.Contains(t, string(page), "```go\n"+shown+"```\n")
	require.Less(t, strings.Count(shown, "\n"), 20)
}

func ExampleFormats() {
	for _, f := range Formats() {
		fmt.Printf("%s: %s\n", f.Name, f.Title)
	}
	// Output:
	// cobra: a folder of cobra's logs, T*.log, one a session
	// dbcop: history.bincode of dbcop
	// edn: Jepsen's history.edn, and what Knossos and elle-cli take
	// etcd: operations.json of etcd's robustness tests; a folder with client-*/operations.json is one history
	// jepsen: lines of Jepsen's log, old and new, among others, and history.txt
	// jepsen-json: Jepsen's and Elle's operations as JSON, as elle-cli takes them
	// json: our own lines of JSON, one event each
	// kvlog: a log of a key-value store, one EDN map a line
	// plume: lines of PolySI, Plume and IsoVista
	// porcupine: porcupine's events or operations as encoding/json writes them
}
