package firstgap_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/impl/node"
)

// asCommand makes this test program the command firstgap, so that its help is asked of what was just built.
const asCommand = "FIRSTGAP_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(command.Main())
	}
	os.Exit(m.Run())
}

// A helper returns the help of a command, by its path below firstgap ("", "check volume").
type helper func(command string) (string, error)

// realHelp asks the command.
func realHelp(ctx context.Context) helper {
	known := map[string]string{}
	return func(command string) (string, error) {
		if text, ok := known[command]; ok {
			return text, nil
		}
		run := exec.CommandContext(ctx, os.Args[0], append(strings.Fields(command), "--help")...)
		run.Env = append(os.Environ(), asCommand+"=1")
		text, err := run.CombinedOutput()
		known[command] = string(text)
		return string(text), err
	}
}

var (
	fence      = regexp.MustCompile("(?m)^[ \t]*```(\\w*)\n((?s:.*?))^[ \t]*```[ \t]*$")
	span       = regexp.MustCompile("`([^`\n]+)`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	noAnchor   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	calls      = regexp.MustCompile(`(?m)(?:^|[\s/])firstgap(?:-points)?((?: +[^\s#|>&;]+)+)`)
	makes      = regexp.MustCompile(`(?m)^make ([a-z-]+)`)
	flag       = regexp.MustCompile(`^--([a-z][a-z-]*)`)
	listed     = regexp.MustCompile(`(?m)^  +(?:-\w, )? *--([a-z][a-z-]*)`)
	subcommand = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`) // the longest name has one space behind it
	target     = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// A manual is what the pages say, held against the tree and the command.
type manual struct {
	tree     fs.FS
	help     helper
	targets  []string // of the Makefile
	links    int      // that were followed
	commands int      // that were looked up
	flags    int
	problems []string
}

// readManual reads the pages: README.md, docs and the examples' README.md.
func readManual(tree fs.FS, help helper) (*manual, error) {
	makefile, err := fs.ReadFile(tree, "Makefile")
	if err != nil {
		return nil, err
	}
	m := &manual{tree: tree, help: help}
	for _, t := range target.FindAllStringSubmatch(string(makefile), -1) {
		m.targets = append(m.targets, t[1])
	}
	pages, err := fs.Glob(tree, "docs/*.md")
	if err != nil {
		return nil, err
	}
	for _, page := range append(pages, "README.md", "examples/README.md") {
		text, err := fs.ReadFile(tree, page)
		if err != nil {
			return nil, err
		}
		if err := m.page(page, string(text)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *manual) problem(page, format string, args ...any) {
	m.problems = append(m.problems, page+": "+fmt.Sprintf(format, args...))
}

func (m *manual) page(page, text string) error {
	prose := fence.ReplaceAllString(text, "")
	for _, l := range link.FindAllStringSubmatch(span.ReplaceAllString(prose, ""), -1) {
		m.link(page, l[1])
	}
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		if block[1] == "go" || block[1] == "json" {
			continue
		}
		for _, t := range makes.FindAllStringSubmatch(block[2], -1) {
			if !slices.Contains(m.targets, t[1]) {
				m.problem(page, "make %s: the Makefile has no such target", t[1])
			}
		}
		for _, c := range calls.FindAllStringSubmatch(block[2], -1) {
			if err := m.call(page, strings.Fields(c[1])); err != nil {
				return err
			}
		}
	}
	for _, s := range span.FindAllStringSubmatch(prose, -1) {
		for _, c := range calls.FindAllStringSubmatch(s[1], -1) {
			if err := m.call(page, strings.Fields(c[1])); err != nil {
				return err
			}
		}
	}
	return nil
}

// link follows a link to a file or a heading of the tree.
func (m *manual) link(page, to string) {
	if strings.Contains(to, "://") {
		return
	}
	m.links++
	file, anchor, _ := strings.Cut(to, "#")
	at := page
	if file != "" {
		at = path.Join(path.Dir(page), file)
	}
	if _, err := fs.Stat(m.tree, at); err != nil {
		m.problem(page, "the link %s points at no file", to)
		return
	}
	if anchor == "" {
		return
	}
	text, err := fs.ReadFile(m.tree, at)
	if err != nil {
		m.problem(page, "the link %s: %v", to, err)
		return
	}
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		if strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-") == anchor {
			return
		}
	}
	m.problem(page, "the link %s points at no heading", to)
}

// call looks up one call of the command, and its flags.
func (m *manual) call(page string, args []string) error {
	command := ""
	text, err := m.help("")
	for err == nil && len(args) > 0 {
		names := subcommand.FindAllStringSubmatch(section(text, "Available Commands:"), -1)
		if len(names) == 0 || !regexp.MustCompile(`^[a-z]+$`).MatchString(args[0]) {
			break
		}
		if !slices.ContainsFunc(names, func(n []string) bool { return n[1] == args[0] }) {
			m.problem(page, "firstgap %s: there is no such command", strings.TrimSpace(command+" "+args[0]))
			return nil
		}
		command, args = strings.TrimSpace(command+" "+args[0]), args[1:]
		m.commands++
		text, err = m.help(command)
	}
	if err != nil {
		return fmt.Errorf("help of firstgap %s: %w", command, err)
	}
	for _, a := range args {
		f := flag.FindStringSubmatch(a)
		if f == nil {
			continue
		}
		m.flags++
		if !slices.ContainsFunc(listed.FindAllStringSubmatch(section(text, "Flags:"), -1), func(l []string) bool { return l[1] == f[1] }) {
			m.problem(page, "firstgap %s: it has no flag --%s", command, f[1])
		}
	}
	return nil
}

// section is the part of a help text below a title.
func section(text, title string) string {
	_, below, _ := strings.Cut(text, "\n"+title+"\n")
	part, _, _ := strings.Cut(below, "\n\n")
	return part
}

// What the pages name is there: files, headings, commands, flags, targets.
func TestDocs(t *testing.T) {
	m, err := readManual(os.DirFS("."), realHelp(t.Context()))
	require.NoError(t, err)
	require.Empty(t, m.problems, "%s", strings.Join(m.problems, "\n"))
	require.Greater(t, m.links, 20)
	require.Greater(t, m.commands, 20)
	require.Greater(t, m.flags, 20)
}

// The frames that docs/wire.md shows are frames.
func TestDocsWire(t *testing.T) {
	text, err := os.ReadFile("docs/wire.md")
	require.NoError(t, err)
	frames := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, `{"version":2,"event":`):
			var e node.Event
			require.NoError(t, node.DecodeWireJSON([]byte(line), &e), line)
		case strings.HasPrefix(line, `{"version":2,"effects":`):
			var e node.Effects
			require.NoError(t, node.DecodeWireJSON([]byte(line), &e), line)
		default:
			continue
		}
		frames++
	}
	require.Greater(t, frames, 4)
}

func TestDocsSeeWhatIsBroken(t *testing.T) {
	help := func(command string) (string, error) {
		switch command {
		case "":
			return "a command\n\nAvailable Commands:\n  check       search\n  run         make runs\n\nFlags:\n      --version   say\n", nil
		case "check":
			return "search\n\nAvailable Commands:\n  volume  search it\n\nFlags:\n      --all   all\n", nil
		}
		return "\n\nFlags:\n  -h, --help   help\n      --seed uint   of it\n", nil
	}
	good := "# A page\n\n## Would it notice? Yes, `run`\n\n[up](../README.md), [here](#would-it-notice-yes-run), [out](https://example.com/x)\n\n" +
		"Say `firstgap run --seed 1`, not `[x](y)`.\n\n```sh\nmake run\nbuild/firstgap check volume --seed 7 # --other\nbuild/firstgap --version\n```\n\n```go\nfirstgap with --flags\n```\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	read := func(page string) *manual {
		m, err := readManual(fstest.MapFS{"Makefile": file("run: build ## it\n"), "docs/x.md": file(page), "README.md": file("# firstgap\n"), "examples/README.md": file("")}, help)
		require.NoError(t, err)
		return m
	}
	m := read(good)
	require.Empty(t, m.problems)
	require.Equal(t, []int{2, 3, 3}, []int{m.links, m.commands, m.flags})

	for broken, want := range map[string][2]string{
		"a link":                 {"../README.md", "../READ.md"},
		"an anchor":              {"#would-it", "#does-it"},
		"a command":              {"check volume", "verify volume"},
		"a command of a command": {"check volume", "check volumes"},
		"a command in the text":  {"`firstgap run", "`firstgap walk"},
		"a flag":                 {"volume --seed", "volume --sead"},
		"a flag of the root":     {"--version", "--revision"},
		"a target":               {"make run", "make walk"},
	} {
		require.Contains(t, good, want[0], broken)
		m := read(strings.Replace(good, want[0], want[1], 1))
		require.Len(t, m.problems, 1, broken)
		require.Contains(t, m.problems[0], "docs/x.md: ")
	}
}
