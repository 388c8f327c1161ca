package subjects_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/subjects"
	"github.com/firstgap/firstgap/spec/tla"
)

// TLC refuses a configuration that leaves out a constant of the module, or that names an invariant which the module does not have.
func TestConfigurationsFitTheirModules(t *testing.T) {
	comment := regexp.MustCompile(`(?s)\(\*.*?\*\)|\\\*[^\n]*`)
	constants := regexp.MustCompile(`(?m)^CONSTANTS?\b((?:[^\n]*\n)(?:[ \t]+[^\n]*\n|,[^\n]*\n)*)`)
	name := regexp.MustCompile(`\w+`)
	defined := regexp.MustCompile(`(?m)^(\w+)\s*==`)
	given := regexp.MustCompile(`(?m)^\s*(?:CONSTANTS?\s+)?(\w+)\s*(?:=|<-)`)
	firsts := func(pattern *regexp.Regexp, text string) map[string]bool {
		found := map[string]bool{}
		for _, match := range pattern.FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
		}
		return found
	}
	var all strings.Builder // a world may be one of a module that extends the subject's
	require.NoError(t, fs.WalkDir(tla.Modules, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tla.Modules, path)
		all.Write(text)
		return err
	}))
	definitions := firsts(defined, all.String())
	for _, s := range subjects.All() {
		text, err := fs.ReadFile(tla.Modules, s.Module+".tla")
		require.NoError(t, err)
		module := comment.ReplaceAllString(string(text), "")
		var names []string
		for _, block := range constants.FindAllStringSubmatch(module, -1) {
			names = append(names, name.FindAllString(block[1], -1)...)
		}
		require.NotEmpty(t, names, s.Module)
		for _, w := range s.Worlds {
			config, err := s.Config(w.Constants)
			require.NoError(t, err, w.Name)
			values := firsts(given, config)
			for _, n := range names {
				require.True(t, values[n], "no value for %s in world %s of %s", n, w.Name, s.Name)
			}
			_, after, _ := strings.Cut(config, "INVARIANTS")
			invariants, _, _ := strings.Cut(after, "\n")
			require.NotEmpty(t, strings.Fields(invariants), "%s in %s", w.Name, s.Name)
			for _, n := range strings.Fields(invariants) {
				require.True(t, definitions[n], "no invariant %s for world %s of %s", n, w.Name, s.Name)
			}
		}
	}
}
