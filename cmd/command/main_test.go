package command

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"firstgap":       func() { os.Exit(run(context.Background(), Systems(), os.Args[1:], os.Stdout, os.Stderr)) },
		"record-failure": recordFailure,
		"alone":          alone,
	})
}

// The scripts run the command as a shell would. $HISTORIES is the folder of the histories in porcupine's module.
func TestScripts(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err, "where is porcupine's module?")
	histories := filepath.Join(strings.TrimSpace(string(out)), "test_data")
	require.DirExists(t, histories)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HISTORIES", histories)
			return nil
		},
	})
}
