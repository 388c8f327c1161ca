package firstgap_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// floors says on which floor each room of the harness is: a room reaches those on lower floors, and no arrow runs back up. What a
// run is lies below the run, what it is held against beside what it is, and what keeps, repeats and reports runs above.
func floors() [][]string {
	return [][]string{
		{"strict", "tally", "text", "atomic", "runtime", "conform", "lines", "lines/clients", "lines/clients/go", "internal"},
		{"verdict", "sim", "folderstore", "conform/older", "grade/sandbox", "lines/clients/register"},
		{"configuration", "counts"},
		{"workload", "campaign/coverage"},
		{"judge"},
		{"."},
		{"aurora", "older", "failure"},
		{"failure/shrink", "failure/where", "scenario", "lines/protocol", "lines/maelstrom"},
		{"failure/why", "campaign/job"},
		{"failure/page", "failure/retell", "campaign/store"},
		{"campaign", "ci", "campaign/guide", "campaign/large", "campaign/fleet", "campaign/watch", "killtable", "rebuild", "compare", "exhaustive", "boundary", "transitions", "mutation"},
		{"harnesstest", "report", "campaign/fuzz", "mutation/mutate", "grade/labs"},
		{"grade", "campaign/serve", "campaign/forms"},
		{"grade/publish", "grade/class", "grade/students"},
	}
}

func floorOf(room string) int {
	for i, rooms := range floors() {
		for _, r := range rooms {
			if room == r || r == "grade/labs" && strings.HasPrefix(room, "grade/labs/") && strings.HasSuffix(room, "/skeleton/go") || r == "internal" && strings.HasPrefix(room, r+"/") {
				return i
			}
		}
	}
	return -1
}

// climbing lists the imports by which a room of the harness reaches its own floor or a higher one. Tests may: they put a room
// to use.
func climbing(tree fs.FS) ([]string, error) {
	var problems []string
	rooms := map[string]bool{}
	err := fs.WalkDir(tree, "harness", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata/") {
			return err
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := roomOf(path.Dir(name))
		rooms[room] = true
		at := floorOf(room)
		if at < 0 {
			problems = append(problems, name+": the room "+room+" is on no floor")
			return nil
		}
		if strings.HasPrefix(room, "internal/") {
			return nil // commands and flags for tests
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			rest, ours := strings.CutPrefix(imported, module+"/harness")
			if !ours {
				continue
			}
			if to := roomOf("harness" + rest); floorOf(to) >= at && to != "internal/runflags" {
				problems = append(problems, name+": "+room+" reaches up to "+to)
			}
		}
		return nil
	})
	for _, floor := range floors() {
		for _, room := range floor {
			if room != "internal" && !rooms[room] && err == nil {
				problems = append(problems, room+": no such room; is the guard looking at the right tree?")
			}
		}
	}
	slices.Sort(problems)
	return problems, err
}

func roomOf(folder string) string {
	if folder == "harness" {
		return "."
	}
	return strings.TrimPrefix(folder, "harness/")
}

func TestNoArrowOfTheHarnessRunsBackUp(t *testing.T) {
	problems, err := climbing(os.DirFS("."))
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestAnArrowThatRunsBackUpIsSeen(t *testing.T) {
	tree := fstest.MapFS{}
	for _, floor := range floors() {
		for _, room := range floor {
			tree["harness/"+room+"/x.go"] = &fstest.MapFile{Data: []byte("package x\n")}
		}
	}
	tree["harness/x.go"] = tree["harness/./x.go"]
	delete(tree, "harness/./x.go")
	problems, err := climbing(tree)
	require.NoError(t, err)
	require.Empty(t, problems)
	for name, c := range map[string]struct{ file, imports, want string }{
		"judge runs something":    {"judge", "harness", "harness/judge/x.go: judge reaches up to ."},
		"the run writes a file":   {".", "harness/failure", "harness/x.go: . reaches up to failure"},
		"a room beside":           {"campaign", "harness/killtable", "harness/campaign/x.go: campaign reaches up to killtable"},
		"a new room":              {"attic", "harness", "harness/attic/x.go: the room attic is on no floor"},
		"a room below is no harm": {"report", "harness/judge", ""},
	} {
		changed := fstest.MapFS{}
		for k, v := range tree {
			changed[k] = v
		}
		changed[path.Join("harness", c.file, "x.go")] = &fstest.MapFile{Data: []byte("package x\n\nimport _ \"" + module + "/" + c.imports + "\"\n")}
		problems, err := climbing(changed)
		require.NoError(t, err)
		if c.want == "" {
			require.Empty(t, problems, name)
			continue
		}
		require.Equal(t, []string{c.want}, problems, name)
	}
	delete(tree, "harness/judge/x.go")
	problems, err = climbing(tree)
	require.NoError(t, err)
	require.Equal(t, []string{"judge: no such room; is the guard looking at the right tree?"}, problems)
}
