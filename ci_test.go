package firstgap_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakes stand in for the tools that .ci/run calls. BROKEN names the target that fails, EMPTY the one that runs no test.
var fakes = map[string]string{
	"git": "",
	"cc":  "",
	"id":  "echo 0",
	// A browser is installed where there is none.
	"chromium": "", "python3": "", "node": "", "bwrap": "",
	"npm":     "",
	"apt-get": `if [ "$1" = install ] && [ -n "$INSTALLS" ]; then cp "$(dirname "$0")/cc" "$(dirname "$0")/$INSTALLS"; fi`,
	"go":      `echo "${COMPILER:-cc} -pthread"`,
	"make": `echo "made $*"
case $1 in test|test-race|test-faults)
	if [ "$1" != "$EMPTY" ]; then
		printf -- '=== RUN   TestX\n--- PASS: TestX (0.00s)\n    --- PASS: TestX/sub (0.00s)\n--- SKIP: TestY (0.00s)\nPASS\nok  	x	0.1s\n'
	fi
esac
[ "$1" != "$BROKEN" ]`,
}

// ci runs .ci/run in a folder of its own against the fakes, and returns what it prints and its exit code.
func ci(t *testing.T, env ...string) (string, int) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(".ci", "run"))
	require.NoError(t, err)
	root := t.TempDir()
	bin := filepath.Join(root, "bin")
	for _, folder := range []string{bin, filepath.Join(root, ".ci")} {
		require.NoError(t, os.Mkdir(folder, 0o777))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, ".ci", "run"), script, 0o777))
	for name, body := range fakes {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/usr/bin/env bash\n"+body+"\n"), 0o777))
	}
	run := exec.Command("bash", filepath.Join(root, ".ci", "run"))
	run.Env = append(os.Environ(), append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))...)
	out, err := run.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return string(out), run.ProcessState.ExitCode()
}

func TestCI(t *testing.T) {
	out, code := ci(t)
	require.Equal(t, 0, code, out)
	require.Regexp(t, `\ntest +\d+s +1 +1  pass\nvet +\d+s +- +-  pass\nstaticcheck +\d+s +- +-  pass\nformat +\d+s +- +-  pass\nrace +\d+s +1 +1  pass\nfaults +\d+s +1 +1  pass\n$`, out)
	require.NotContains(t, out, "--- PASS")
	require.Contains(t, out, "ok  \tx")

	for target, step := range map[string]string{
		"test": "test", "vet": "vet", "staticcheck": "staticcheck", "format": "format", "test-race": "race", "test-faults": "faults",
	} {
		out, code := ci(t, "BROKEN="+target)
		require.Equal(t, 1, code, out)
		require.Regexp(t, `\n`+step+` .*  FAIL\n`, out)
		require.Regexp(t, `\nfaults `, out, "a step that fails must not hide those behind it")
	}
	for target, step := range map[string]string{"test": "test", "test-race": "race", "test-faults": "faults"} {
		out, code := ci(t, "EMPTY="+target)
		require.Equal(t, 1, code, out)
		require.Regexp(t, `\n`+step+` .*  FAIL \(ran no test\)\n`, out)
	}

	out, code = ci(t, "BROWSERS=no-such-browser", "INSTALLS=no-such-browser")
	require.Equal(t, 0, code, out)
	out, code = ci(t, "BROWSERS=no-such-browser")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "expected one of no-such-browser on the path, found none: the tests of pages look at them in a browser")

	out, code = ci(t, "BROKEN=typescript")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "expected npm to install the TypeScript compiler")

	out, code = ci(t, "COMPILER=no-such-compiler")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "expected no-such-compiler on the path, found none: the race detector links with a C compiler")
}
