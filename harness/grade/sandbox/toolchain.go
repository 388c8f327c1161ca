package sandbox

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// A Toolchain is what a box shows beyond the system's own programs, so that submissions in one language can be built and run.
type Toolchain struct {
	Name  string
	Shows []Show
	Path  []string // folders inside that programs are looked for in, before the system's
	Env   []string // NAME=value
	Setup string   // words of a shell that a build runs first
}

// A Show is a file or folder of this machine and where a box shows it, read-only.
type Show struct{ Host, Inside string }

// A ToolchainError is a toolchain that this machine lacks.
type ToolchainError struct {
	Name     string
	Expected string
	Found    string
}

func (e *ToolchainError) Error() string {
	return fmt.Sprintf("toolchain %s: expected %s, found %s", e.Name, e.Expected, e.Found)
}

// goPackages are those of the standard library that a submission mostly needs. Others are compiled in its build, for which it has
// the sources.
var goPackages = []string{
	"bufio", "bytes", "cmp", "container/heap", "container/list", "context", "crypto/sha256", "encoding/base64", "encoding/binary",
	"encoding/hex", "encoding/json", "errors", "flag", "fmt", "hash/crc32", "hash/fnv", "io", "log", "log/slog", "maps", "math", "math/bits",
	"math/rand", "math/rand/v2", "os", "path", "reflect", "regexp", "runtime", "slices", "sort", "strconv", "strings", "sync", "sync/atomic",
	"time", "unicode", "unicode/utf8",
}

// Where a box shows the compiled standard library, and where a build keeps what it compiles itself.
const goCache, goBuildCache = "/go-cache", "/tmp/go-cache"

// Go finds the Go toolchain. Builds take what is compiled of the standard library from cache, a folder that Go fills the first time,
// which takes half a minute; packages says with what, nil for what submissions mostly need. No submission can write to it.
func Go(ctx context.Context, cache string, packages []string) (Toolchain, error) {
	out, err := run(ctx, "go", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return Toolchain{}, &ToolchainError{Name: "go", Expected: "the program go", Found: err.Error()}
	}
	root, version, _ := strings.Cut(out, "\n")
	version = strings.ReplaceAll(version, " ", "-")
	if !isFolder(filepath.Join(root, "bin")) {
		return Toolchain{}, &ToolchainError{Name: "go", Expected: "its folder with the sources of the standard library", Found: "GOROOT=" + root}
	}
	if packages == nil {
		packages = goPackages
	}
	env := []string{
		"GOCACHE=" + goBuildCache, "GOPATH=/tmp/go", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off",
		"GOTELEMETRY=off", "CGO_ENABLED=0", "GOFLAGS=",
	}
	filled, err := fillGoCache(ctx, cache, version, env, packages)
	if err != nil {
		return Toolchain{}, err
	}
	t := Toolchain{
		Name:  "go",
		Shows: append(beyondSystem(root), Show{Host: filled, Inside: goCache}),
		Path:  []string{filepath.Join(root, "bin")},
		Env:   append(env, "GOROOT="+root),
		// Links to the files that are there, in folders to which new ones can be written.
		Setup: "mkdir -p " + goBuildCache + " && cp -R -s " + goCache + "/. " + goBuildCache,
	}
	return t, nil
}

// fillGoCache compiles packages into a folder below cache, once for each version.
func fillGoCache(ctx context.Context, cache, version string, env, packages []string) (string, error) {
	done := filepath.Join(cache, version+"-"+runtime.GOARCH+"-"+sumOf(packages))
	if isFolder(done) {
		return done, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Two graders can do so at once; each fills a folder of its own, and the first one's stays.
	filling, err := os.MkdirTemp(cache, "filling-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(filling)
	if err := os.Chmod(filling, 0o755); err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "go", append([]string{"build", "-p=2"}, packages...)...)
	c.Env = append(os.Environ(), env...)
	c.Env = append(c.Env, "GOCACHE="+filling)
	c.Dir = filling
	if out, err := c.CombinedOutput(); err != nil {
		return "", &ToolchainError{Name: "go", Expected: "a compiled standard library", Found: firstLine(string(out)) + " (" + err.Error() + ")"}
	}
	if err := os.Rename(filling, done); err != nil && !isFolder(done) {
		return "", err
	}
	return done, nil
}

// Python finds the interpreter itself, where python3 on the path may be a script that looks for one.
func Python(ctx context.Context) (Toolchain, error) {
	out, err := run(ctx, "python3", "-c", "import sys, os\nprint(os.path.realpath(sys.executable))\nprint(sys.base_prefix)")
	if err != nil {
		return Toolchain{}, &ToolchainError{Name: "python", Expected: "the program python3", Found: err.Error()}
	}
	program, prefix, _ := strings.Cut(out, "\n")
	if !isFolder(prefix) {
		return Toolchain{}, &ToolchainError{Name: "python", Expected: "the folder of its library", Found: prefix}
	}
	return Toolchain{
		Name:  "python",
		Shows: beyondSystem(prefix),
		Path:  []string{filepath.Dir(program)},
		// A set of strings has the same order in each run, and nothing is compiled into a folder that is read-only.
		Env: []string{"PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"},
	}, nil
}

// Node finds node.
func Node(ctx context.Context) (Toolchain, error) {
	out, err := run(ctx, "node", "-p", "process.execPath")
	if err != nil {
		return Toolchain{}, &ToolchainError{Name: "node", Expected: "the program node", Found: err.Error()}
	}
	program, err := filepath.EvalSymlinks(out)
	if err != nil {
		return Toolchain{}, &ToolchainError{Name: "node", Expected: "the program node", Found: err.Error()}
	}
	return Toolchain{Name: "node", Shows: beyondSystem(filepath.Dir(filepath.Dir(program))), Path: []string{filepath.Dir(program)}}, nil
}

// TypeScript shows tsc and the types beside it, from a folder into which `npm install typescript @types/node` was run. It needs Node.
func TypeScript(folder string) (Toolchain, error) {
	modules := filepath.Join(folder, "node_modules")
	tsc := filepath.Join(modules, ".bin", "tsc")
	if _, err := os.Stat(tsc); err != nil {
		return Toolchain{}, &ToolchainError{Name: "typescript", Expected: "a folder with node_modules/.bin/tsc (npm install typescript @types/node)", Found: err.Error()}
	}
	modules, err := filepath.EvalSymlinks(modules)
	if err != nil {
		return Toolchain{}, err
	}
	// At the top, the compiler finds the types there from each folder.
	return Toolchain{Name: "typescript", Shows: []Show{{Host: modules, Inside: "/node_modules"}}, Path: []string{"/node_modules/.bin"}}, nil
}

// beyondSystem shows a folder where it is, unless it is part of the system's.
func beyondSystem(folder string) []Show {
	folder = filepath.Clean(folder)
	if folder == "/usr" || strings.HasPrefix(folder, "/usr/") || folder == "/" {
		return nil
	}
	return []Show{{Host: folder, Inside: folder}}
}

// run returns what a program of this machine says.
func run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return "", errors.New(firstLine(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// sumOf names a set of packages.
func sumOf(packages []string) string {
	h := fnv.New64a()
	for _, p := range packages {
		h.Write([]byte(p + "\n"))
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
