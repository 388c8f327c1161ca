package ci

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The project's files for CIs, by path from here.
const (
	theAction   = "../../action.yml"
	theWorkflow = "../../examples/github/campaign.yml"
	theTemplate = "../../examples/gitlab/firstgap.gitlab-ci.yml"
	theDocs     = "../../docs/campaign-ci.md"
)

// validator returns what holds a document against a JSON schema: those of SchemaStore for GitHub (Apache License 2.0) and GitLab's own (MIT).
func validator(t *testing.T, name string) func(document any) error {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(name, schema))
	compiled, err := c.Compile(name)
	require.NoError(t, err)
	return func(document any) error {
		text, err := json.Marshal(document)
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(value)
	}
}

// parsed reads YAML, which must be one document without a key that is there twice.
func parsed[T any](t *testing.T, text []byte) (value T) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	require.NoError(t, d.Decode(&value))
	var more any
	require.Error(t, d.Decode(&more), "one document")
	return value
}

func TestTheFilesAreWhatTheirReadersTake(t *testing.T) {
	for _, c := range []struct {
		file, schema string
		broken       [][2]string // what the schema must refuse: it is worth what it refuses
	}{
		{theAction, "github-action.json", [][2]string{{"using: composite", "using: bash"}, {"\nruns:", "\nrun:"}, {"description: \"path, relative", "about: \"path, relative"}, {"    - name: Search\n      id: search\n      shell: bash\n", "    - name: Search\n      id: search\n"}}},
		{theWorkflow, "github-workflow.json", [][2]string{{"runs-on:", "run-on:"}, {"contents: read", "contents: all"}, {"timeout-minutes: 30", "timeout: 30"}, {"persist-credentials: false", "- persist"}}},
		{theTemplate, "gitlab-ci.json", [][2]string{{"when: on_success", "when: passed"}, {"codequality:", "code-quality:"}, {"  rules:\n", "  rule:\n"}, {"script:", "scripts:"}}},
	} {
		text, err := os.ReadFile(c.file)
		require.NoError(t, err)
		// What a hidden job has, GitLab's schema does not look at.
		text = bytes.Replace(text, []byte("\n.firstgap:\n"), []byte("\nhidden:\n"), 1)
		validate := validator(t, c.schema)
		require.NoError(t, validate(parsed[any](t, text)), c.file)
		for _, b := range c.broken {
			require.Contains(t, string(text), b[0], c.file)
			var changed any
			if err := yaml.Unmarshal(bytes.Replace(text, []byte(b[0]), []byte(b[1]), 1), &changed); err != nil {
				continue // it is no YAML any more
			}
			require.Error(t, validate(changed), "%s: %s", c.file, b[1])
		}
	}
}

// An action as far as these tests look at it.
type action struct {
	Inputs map[string]struct {
		Description string  `yaml:"description"`
		Default     *string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type step struct {
	Name  string            `yaml:"name"`
	ID    string            `yaml:"id"`
	If    string            `yaml:"if"`
	Uses  string            `yaml:"uses"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	With  map[string]string `yaml:"with"`
	Run   string            `yaml:"run"`
}

func theActionOf(t *testing.T) action {
	text, err := os.ReadFile(theAction)
	require.NoError(t, err)
	return parsed[action](t, text)
}

// What others wrote is used at one commit, of which the comment says the version; and what an input says never becomes a part of a script.
func TestTheActionTrustsNothing(t *testing.T) {
	pinned := regexp.MustCompile(`uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n`)
	for _, file := range []string{theAction, theWorkflow} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		uses := regexp.MustCompile(`uses: .*\n`).FindAllString(string(text), -1)
		require.Greater(t, len(uses), 2)
		for _, u := range uses {
			require.True(t, pinned.MatchString(u) || strings.HasPrefix(u, "uses: firstgap/firstgap@main # pin a commit here"), u)
		}
	}
	text, err := os.ReadFile(theWorkflow)
	require.NoError(t, err)
	workflow := parsed[struct {
		On          map[string]any    `yaml:"on"`
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			Permissions map[string]string `yaml:"permissions"`
			Steps       []step            `yaml:"steps"`
		} `yaml:"jobs"`
	}](t, text)
	require.NotContains(t, workflow.On, "pull_request_target", "a fork's code with the repository's secrets")
	require.Empty(t, workflow.Permissions)
	require.Equal(t, map[string]string{"contents": "read", "security-events": "write"}, workflow.Jobs["campaign"].Permissions)
	a := theActionOf(t)
	steps := append(slices.Clone(a.Runs.Steps), workflow.Jobs["campaign"].Steps...)
	for _, s := range steps {
		require.NotContains(t, s.Run, "${{", "%s: it would be pasted into the script", s.Name)
	}
	last := workflow.Jobs["campaign"].Steps[len(workflow.Jobs["campaign"].Steps)-1]
	require.Contains(t, last.Uses, "firstgap/firstgap@")
	for name := range last.With {
		require.Contains(t, a.Inputs, name)
	}
}

// Every input has a default, is used, and stands in the page; and a step that is named has been there.
func TestTheActionsInputsAndOutputs(t *testing.T) {
	a := theActionOf(t)
	text, err := os.ReadFile(theAction)
	require.NoError(t, err)
	docs, err := os.ReadFile(theDocs)
	require.NoError(t, err)
	for name, in := range a.Inputs {
		require.NotEmpty(t, in.Description, name)
		require.NotNil(t, in.Default, name)
		require.Contains(t, string(text), "inputs."+name, "nothing uses it")
		require.Contains(t, string(docs), "| `"+name+"` |", "the page does not say what it is")
	}
	for _, m := range regexp.MustCompile(`inputs\.([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, a.Inputs, m[1])
	}
	for name := range a.Outputs {
		require.Contains(t, string(docs), "`"+name+"`")
	}
	ids := map[string]string{}
	for _, s := range a.Runs.Steps {
		if s.ID != "" {
			ids[s.ID] = s.Run
		}
	}
	for _, m := range regexp.MustCompile(`steps\.([a-z-]+)\.outputs\.([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, ids, m[1])
		require.Contains(t, ids[m[1]], m[2]+"=", "the step %s does not say %s", m[1], m[2])
	}
	template, err := os.ReadFile(theTemplate)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^    (FIRSTGAP_[A-Z]+): `).FindAllStringSubmatch(string(template), -1) {
		require.Contains(t, string(docs), "| `"+m[1]+"` |")
		require.Contains(t, string(template), "$"+m[1])
	}
}

// A stage is a folder with a program that stands in for firstgap: it notes how it was called and ends as it is told.
type stage struct{ folder string }

func newStage(t *testing.T) *stage {
	s := &stage{folder: t.TempDir()}
	fake := `#!/usr/bin/env bash
printf '%s|' "$@" >>calls
echo >>calls
case "$*" in
*--once*) exit "${ONCE:-0}" ;;
*--for*) exit "${SEARCHED:-0}" ;;
esac
`
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "firstgap"), []byte(fake), 0o755))
	return s
}

// run runs a script as the CI does, and returns its exit code and what it printed.
func (s *stage) run(t *testing.T, script string, env ...string) (code int, out string) {
	cmd := exec.Command("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script)
	cmd.Dir = s.folder
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GITHUB_OUTPUT=" + filepath.Join(s.folder, "output")}, env...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err, "%s", text)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// read returns what a file has, "" where there is none, and takes it away.
func (s *stage) read(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join(s.folder, name))
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(s.folder, name)))
	return string(text)
}

func scriptOf(t *testing.T, id string) step {
	for _, s := range theActionOf(t).Runs.Steps {
		if s.ID == id || s.Name == id {
			require.Equal(t, "bash", s.Shell)
			return s
		}
	}
	require.Fail(t, "no such step", id)
	return step{}
}

func TestTheActionSearches(t *testing.T) {
	s := newStage(t)
	search := scriptOf(t, "search")
	require.ElementsMatch(t, []string{"FIRSTGAP", "FOLDER", "FOR", "SYSTEM", "SEED", "WORKERS"}, keys(search.Env))
	hostile := `$(touch pwned); exit 0 "x" *`
	for _, c := range []struct {
		env         []string
		calls, said string
	}{
		{[]string{"FOR=5m", "SYSTEM=", "SEED=", "WORKERS="}, "fuzz|--ci|--for|5m|--|c|\n", "code=0\n"},
		{[]string{"FOR=1h", "SYSTEM=quorum", "SEED=7", "WORKERS=2", "SEARCHED=1"}, "fuzz|--ci|--for|1h|--system|quorum|--seed|7|--workers|2|--|c|\n", "code=1\n"},
		{[]string{"FOR=1h", "SYSTEM=" + hostile, "SEED=", "WORKERS=", "SEARCHED=2"}, "fuzz|--ci|--for|1h|--system|" + hostile + "|--|c|\n", "code=2\n"},
		{[]string{"FOR=1h", "SYSTEM=", "SEED=", "WORKERS=", "SEARCHED=137"}, "fuzz|--ci|--for|1h|--|c|\n", "code=137\n"},
	} {
		code, out := s.run(t, search.Run, append(c.env, "FIRSTGAP=./firstgap", "FOLDER=c")...)
		require.Zero(t, code, out)
		require.Equal(t, c.calls, s.read(t, "calls"))
		require.Equal(t, c.said, s.read(t, "output"))
	}
	require.NoFileExists(t, filepath.Join(s.folder, "pwned"))
}

func TestTheActionRunsAgainWhatIsKnown(t *testing.T) {
	s := newStage(t)
	again := scriptOf(t, "again")
	env := []string{"FIRSTGAP=./firstgap", "FOLDER=a folder", "WORKERS=2", "ONCE=1"}
	code, out := s.run(t, again.Run, env...)
	require.Zero(t, code)
	require.Contains(t, out, "no campaign was restored")
	require.Empty(t, s.read(t, "calls"))
	require.Equal(t, "code=0\n", s.read(t, "output"))
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "a folder"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "a folder", "campaign.json"), nil, 0o644))
	code, _ = s.run(t, again.Run, env...)
	require.Zero(t, code)
	require.Equal(t, "fuzz|--once|--ci|--workers|2|--|a folder|\n", s.read(t, "calls"))
	require.Equal(t, "code=1\n", s.read(t, "output"))
}

// The worse of both, and what did not come to its end could not tell.
func TestTheActionEndsByTheVerdict(t *testing.T) {
	s := newStage(t)
	verdict, end := scriptOf(t, "verdict"), scriptOf(t, "End by the verdict")
	require.Equal(t, "always()", verdict.If)
	require.Equal(t, "always()", end.If)
	for _, c := range []struct {
		again, search, code, verdict string
		exit                         int
	}{
		{"0", "0", "0", "pass", 0}, {"1", "0", "1", "violation", 1}, {"0", "1", "1", "violation", 1}, {"2", "0", "2", "could not tell", 2}, {"0", "2", "2", "could not tell", 2},
		{"2", "1", "1", "violation", 1}, {"1", "2", "1", "violation", 1}, {"", "", "2", "could not tell", 2}, {"0", "", "2", "could not tell", 2}, {"137", "0", "2", "could not tell", 2},
	} {
		code, out := s.run(t, verdict.Run, "AGAIN="+c.again, "SEARCH="+c.search)
		require.Zero(t, code, out)
		require.Equal(t, "code="+c.code+"\nverdict="+c.verdict+"\n", s.read(t, "output"))
		code, _ = s.run(t, end.Run, "CODE="+c.code)
		require.Equal(t, c.exit, code)
	}
	code, _ := s.run(t, end.Run, "CODE=")
	require.Equal(t, 2, code, "no verdict is no pass")
}

func TestTheActionBuilds(t *testing.T) {
	s := newStage(t)
	build := scriptOf(t, "build")
	fakeGo := "#!/usr/bin/env bash\nprintf '%s|' \"$@\" >>calls\ncp firstgap \"$5\"\n"
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "bin", "go"), []byte(fakeGo), 0o755))
	path := "PATH=" + filepath.Join(s.folder, "bin") + ":" + os.Getenv("PATH")
	code, out := s.run(t, build.Run, path, "COMMAND=", "RUNNER_TEMP="+s.folder+"/bin", "GITHUB_ACTION_PATH=/action")
	require.Zero(t, code, out)
	require.Equal(t, "build|-C|/action|-o|"+s.folder+"/bin/firstgap|./cmd/firstgap|--version|\n", s.read(t, "calls"))
	require.Equal(t, "command="+s.folder+"/bin/firstgap\n", s.read(t, "output"))
	// A program of one's own is looked at before anything else is done.
	code, _ = s.run(t, build.Run, path, "COMMAND=firstgap")
	require.Zero(t, code)
	require.Equal(t, "command=./firstgap\n", s.read(t, "output"))
	code, _ = s.run(t, build.Run, path, "COMMAND=build/none")
	require.NotZero(t, code)
	require.Empty(t, s.read(t, "output"))
	code, out = s.run(t, build.Run, path, "COMMAND=./firstgap\nverdict=pass")
	require.Equal(t, 2, code)
	require.Contains(t, out, "expected one line")
	require.Empty(t, s.read(t, "output"))
}

func TestTheTemplateForGitLab(t *testing.T) {
	text, err := os.ReadFile(theTemplate)
	require.NoError(t, err)
	job := parsed[map[string]struct {
		Script    []string          `yaml:"script"`
		Variables map[string]string `yaml:"variables"`
		Artifacts struct {
			Reports map[string]string `yaml:"reports"`
		} `yaml:"artifacts"`
	}](t, text)[".firstgap"]
	require.Equal(t, map[string]string{"junit": "firstgap-campaign/report/junit.xml", "codequality": "firstgap-campaign/report/*code-quality.json"}, job.Artifacts.Reports)
	require.Len(t, job.Script, 1)
	s := newStage(t)
	env := []string{}
	for name, value := range job.Variables {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	run := func(more ...string) int {
		code, out := s.run(t, job.Script[0], append(append(slices.Clone(env), "FIRSTGAP_COMMAND=./firstgap"), more...)...)
		require.NotContains(t, out, "unbound")
		return code
	}
	require.Zero(t, run())
	require.Equal(t, "fuzz|--for|5m|--ci|--|firstgap-campaign|\n", s.read(t, "calls"))
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "firstgap-campaign"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "firstgap-campaign", "campaign.json"), nil, 0o644))
	for _, c := range []struct {
		once, searched string
		code           int
	}{{"0", "0", 0}, {"1", "0", 1}, {"0", "1", 1}, {"2", "1", 1}, {"1", "2", 1}, {"2", "0", 2}, {"0", "137", 2}} {
		require.Equal(t, c.code, run("ONCE="+c.once, "SEARCHED="+c.searched, "FIRSTGAP_WORKERS=2", "FIRSTGAP_SYSTEM=quorum", "FIRSTGAP_SEED=7"))
		require.Equal(t, "fuzz|--once|--ci|--workers|2|--|firstgap-campaign|\nfuzz|--for|5m|--system|quorum|--seed|7|--ci|--workers|2|--|firstgap-campaign|\n", s.read(t, "calls"))
	}
	// Without a program of one's own, firstgap is built.
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "bin"), 0o755))
	fakeGo := "#!/usr/bin/env bash\nprintf '%s|' \"$GOBIN\" \"$@\" >>built\nmkdir -p \"$GOBIN\" && cp firstgap \"$GOBIN/firstgap\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "bin", "go"), []byte(fakeGo), 0o755))
	require.Zero(t, run("FIRSTGAP_COMMAND=", "FIRSTGAP_REF=abc", "PATH="+filepath.Join(s.folder, "bin")+":"+os.Getenv("PATH")))
	require.Equal(t, s.folder+"/.firstgap|install|github.com/firstgap/firstgap/cmd/firstgap@abc|", s.read(t, "built"))
}

func keys(m map[string]string) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}
