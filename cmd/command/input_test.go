package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/subjects"
)

// complains runs a command with bad input, and returns its line without the prefix that says which command it is.
func complains(t *testing.T, prefix string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Equal(t, verdict.CouldNotTell.ExitCode(), run(t.Context(), Systems(), args, &stdout, &stderr), "%s\n%s", args, stderr.String())
	require.Empty(t, stdout.String(), args)
	line, one := strings.CutSuffix(stderr.String(), "\n")
	require.True(t, one, args)
	require.NotContains(t, line, "\n", args)
	message, has := strings.CutPrefix(line, prefix+": ")
	require.True(t, has, "%s: %s", args, line)
	require.NotContains(t, message, "firstgap: ", line)
	require.NotContains(t, message, prefix+": ", line)
	require.False(t, ofPackage.MatchString(message), line)
	parts := strings.Split(message, ": ")
	for i := range parts[1:] {
		require.NotEqual(t, parts[i], parts[i+1], line)
	}
	return message
}

// all returns every command below cmd, and itself, with what a user types for it.
func all(cmd *cobra.Command) map[string]*cobra.Command {
	found := map[string]*cobra.Command{cmd.CommandPath(): cmd}
	for _, c := range cmd.Commands() {
		for path, below := range all(c) {
			found[path] = below
		}
	}
	return found
}

// Every command refuses what every command can be given wrongly: a flag or an argument that it does not know, a flag without
// a value, and a value that is not of the flag's kind.
func TestEveryCommandRefusesBadInput(t *testing.T) {
	commands := all(newRoot(Systems()))
	require.Len(t, commands, 31+len(subjects.All())) // a model is a command below check
	valued := 0
	for path, cmd := range commands {
		args := strings.Fields(path)[1:]
		with := func(more ...string) []string { return append(append([]string{}, args...), more...) }

		message := complains(t, path, with("--frogs")...)
		require.Contains(t, message, "unknown flag: --frogs; known flags: --", path)
		require.Contains(t, message, "--help", path)
		require.Contains(t, complains(t, path, with("-z")...), "; known flags: --", path)
		require.Contains(t, complains(t, path, with("--=x")...), "bad flag syntax: --=x; known flags: --", path)

		switch path {
		case "firstgap corpus export", "firstgap corpus merge", "firstgap corpus minimise", "firstgap fuzz", "firstgap lin", "firstgap replay", "firstgap scenario", "firstgap serve", "firstgap shrink", "firstgap why": // which take files and folders
		case "firstgap node":
			require.Contains(t, complains(t, path, "node", "frogs"), `unknown role "frogs"; known: `)
		case "firstgap protocol example":
			require.Contains(t, complains(t, path, "protocol", "example", "frogs", "dir"), `language: expected one of ["go" "python" "typescript"], found "frogs"`)
		case "firstgap test nodes", "firstgap protocol check":
			require.Contains(t, complains(t, path, with("frogs", "--", "program")...), `unknown argument "frogs"; expected flags alone; known flags: --`)
		case "firstgap test maelstrom":
			require.Contains(t, complains(t, path, with("frogs", "--", "program")...), `unknown workload "frogs"; known: `)
		default:
			message = complains(t, path, with("frogs")...)
			require.Contains(t, message, `"frogs"`, path)
			require.Regexp(t, `unknown (command|argument) "frogs"; (known: |expected flags alone; known flags: --)`, message)
		}
		cmd.InitDefaultHelpFlag()
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			kind := f.Value.Type()
			if kind != "bool" && f.NoOptDefVal == "" { // one with such a value may stand alone
				require.Equal(t, "--"+f.Name+": expected a value, found none", complains(t, path, with("--"+f.Name)...))
			}
			if strings.HasPrefix(kind, "string") {
				return
			}
			valued++
			message := complains(t, path, with("--"+f.Name+"=frogs")...)
			require.Contains(t, message, "--"+f.Name, path)
			require.Contains(t, message, `"frogs"`, path)
			require.Contains(t, message, "expected ", path)
		})
	}
	require.Greater(t, valued, 100)
}

// What a command can be given wrongly on its own: the message says what was expected, or what is known, and what was found.
func TestCommandsRefuseBadInputOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("text.fgt", "not a failure")
	write("world.json", "not a world")
	write("key.json", `{"frogs": 1}`)
	write("file", "")
	for line, c := range map[string]struct{ prefix, found, expected string }{
		"":                                        {"firstgap", "found none", "expected a command"},
		"frogs":                                   {"firstgap", `"frogs"`, "known: boundary, check, compare, corpus, crashes, faults, fuzz, grade, lin, node, protocol, rebuild, replay, restore, run, scenario, serve, shrink, test, transitions, why, worker"},
		"check":                                   {"firstgap check", "found none", "known models: volume, quorum, placement, membership, reader, mirror, wal, neon, bookkeeper, raft, isr, longfork"},
		"check --json":                            {"firstgap check", "found none", "expected a model, --all, --compare-designs or --list"},
		"check --all --list":                      {"firstgap check", "--all with --list", "expected one of them"},
		"check --all --workers -1":                {"firstgap check", "--workers is -1", "expected no negative number"},
		"check --all --memory 3furlongs":          {"firstgap check", `"3furlongs"`, "expected a number of bytes"},
		"check volume --world huge":               {"firstgap check volume", `"huge"`, "known: tiny, "},
		"check volume --world none.json":          {"firstgap check volume", "none.json", "no such file"},
		"check volume --world world.json":         {"firstgap check volume", "world.json", "not a JSON object"},
		"check quorum --world key.json":           {"firstgap check quorum", "unknown key frogs", "known: replicas"},
		"check quorum --bug frogs":                {"firstgap check quorum", `"frogs"`, "expected one of none, "},
		"check quorum --invariant Frogs":          {"firstgap check quorum", `"Frogs"`, "known: TypeOK"},
		"check quorum --set replicas":             {"firstgap check quorum", "--set replicas", "expected key=value"},
		"check quorum --set frogs=3":              {"firstgap check quorum", "frogs", "known: replicas"},
		"check quorum --random 0":                 {"firstgap check quorum", "--random is 0", "expected at least one step"},
		"check quorum --resume":                   {"firstgap check quorum", "given without Folder", "expected the folder"},
		"check quorum --walks -1":                 {"firstgap check quorum", "-1", "expected no negative number"},
		"check quorum --depth -1":                 {"firstgap check quorum", "-1", "expected no negative number"},
		"check quorum --for -1s":                  {"firstgap check quorum", "-1s", "expected no negative number"},
		"check quorum --all --seed 2":             {"firstgap check quorum", "--seed with --all", "expected no more than"},
		"check quorum --walks 2 --random 2":       {"firstgap check quorum", "--walks with --random", "expected one of them"},
		"check quorum --trace-out t.svg":          {"firstgap check quorum", "t.svg", "expected one of .txt"},
		"check quorum --graph g.txt":              {"firstgap check quorum", "found g.txt", "expected a name that ends in .dot"},
		"check quorum --graph none/g.dot":         {"firstgap check quorum", "none/g.dot", "no such file"},
		"check volume --write-quorum 4":           {"firstgap check volume", "writeQuorum is 4", "expected 1 to 3"},
		"check volume --up 4":                     {"firstgap check volume", "is 4", "expected 0 to 3"},
		"check volume --up 1,1":                   {"firstgap check volume", "a list of 2", "expected none, or"},
		"compare --clients 0":                     {"firstgap compare", "--clients is 0", "expected 1 to 32"},
		"compare --transactions 5":                {"firstgap compare", "--transactions is 5", "expected 20 to 10000"},
		"compare --quorum 3/2":                    {"firstgap compare", `"3/2"`, "expected N/R/W"},
		"compare --quorum 3/4/1":                  {"firstgap compare", "is 4", "expected 1 to 3"},
		"compare --html none/page.html":           {"firstgap compare", "none/page.html", "no such file"},
		"corpus":                                  {"firstgap corpus", "found none", "known: export, merge, minimise"},
		"corpus export dir":                       {"firstgap corpus export", "-o is missing", "expected the folder"},
		"corpus export -o out":                    {"firstgap corpus export", "found 0", "expected one DIR"},
		"corpus export none -o out":               {"firstgap corpus export", "found none", "expected a folder with campaign.json"},
		"corpus merge none":                       {"firstgap corpus merge", "found 1 folders", "expected INTO and at least one FROM"},
		"corpus merge a b":                        {"firstgap corpus merge", "found none", "expected a folder with campaign.json"},
		"corpus minimise a b":                     {"firstgap corpus minimise", "found 2", "expected one DIR"},
		"scenario":                                {"firstgap scenario", "found 0", "expected one FILE"},
		"scenario text.fgt":                       {"firstgap scenario", "end of the file", "expected four dashes"},
		"lin":                                     {"firstgap lin", "found none", "expected at least one FILE"},
		"lin --format xml file":                   {"firstgap lin", `"xml"`, "known: auto, cobra, dbcop"},
		"lin --model frog file":                   {"firstgap lin", `"frog"`, "known: register"},
		"lin --timeout 0s file":                   {"firstgap lin", "--timeout is 0s", "expected more than 0"},
		"lin --html page.html file file":          {"firstgap lin", "found 2", "expected one FILE"},
		"lin --html . file":                       {"firstgap lin", "found a d", "expected a file"},
		"rebuild --pieces 0":                      {"firstgap rebuild", "--pieces is 0", "expected 1 to 100000"},
		"rebuild --hosts 20000":                   {"firstgap rebuild", "--hosts is 20000", "expected 1 to 10000"},
		"rebuild --piece-gb 0":                    {"firstgap rebuild", "--piece-gb is 0", "expected 0.001 to 1000"},
		"rebuild --gbit NaN":                      {"firstgap rebuild", "--gbit is NaN", "expected 0.001 to 1000"},
		"replay":                                  {"firstgap replay", "found 0", "expected one FILE"},
		"replay a b":                              {"firstgap replay", "found 2", "expected one FILE"},
		"replay none.fgt":                         {"firstgap replay", "none.fgt", "no such file"},
		"replay text.fgt":                         {"firstgap replay", "text.fgt", "is not a failure file"},
		"restore":                                 {"firstgap restore", "--from is missing", "expected "},
		"serve":                                   {"firstgap serve", "found 0", "expected one DIR"},
		"serve a b":                               {"firstgap serve", "found 2", "expected one DIR"},
		"serve none":                              {"firstgap serve", "the folder none", "cannot be shown: no such file"},
		"serve file":                              {"firstgap serve", "the folder file", "cannot be shown: not a directory"},
		"serve --listen frogs .":                  {"firstgap serve", `"frogs"`, "expected HOST:PORT"},
		"run --runs 0":                            {"firstgap run", "--runs is 0", "expected at least 1"},
		"run --for -3s":                           {"firstgap run", "--for is -3s", "expected more than 0s"},
		"run --workers -1":                        {"firstgap run", "--workers is -1", "expected no negative number"},
		"run --out file":                          {"firstgap run", "the folder file", "cannot be written"},
		"run --seed 18446744073709551616 --out o": {"firstgap run", `"18446744073709551616"`, "expected a whole number from 0 to 2^64-1"},
	} {
		message := complains(t, c.prefix, strings.Fields(line)...)
		require.Contains(t, message, c.found, line)
		require.Contains(t, message, c.expected, line)
	}
}

// A build says what it is, in any terminal.
func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), Systems(), []string{"--version"}, &stdout, &stderr), stderr.String())
	for _, line := range []string{`firstgap +\S+`, `module +\S+`, `revision +\S.*`, `go +go1\.\S+`, `platform +\w+/\w+`, `failpoints +(not )?built in`} {
		require.Regexp(t, "(?m)^"+line+"$", stdout.String())
	}
	require.Empty(t, stderr.String())
}
