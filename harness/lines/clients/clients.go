// Package clients has the client libraries of the line protocol, one file of at most 150 lines in each language, and an example
// that is the same in all of them: the replicated register. It puts together the folders that are handed out with them.
//
// Use package protocol instead when a program that speaks the protocol is to be run.
package clients

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

//go:embed go/firstgap.go python/firstgap.py typescript/firstgap.ts typescript/tsconfig.json typescript/package.json
//go:embed register/main.go register/register.py register/register.ts
var files embed.FS

// A Language is one that has a library, under the name that its folder has.
type Language string

// The languages.
const (
	Go         Language = "go"
	Python     Language = "python"
	TypeScript Language = "typescript"
)

// Languages lists them.
func Languages() []Language { return []Language{Go, Python, TypeScript} }

// A LanguageError says that no library is for that language.
type LanguageError struct{ Language Language }

func (e *LanguageError) Error() string {
	return fmt.Sprintf("language: expected one of %q, found %q", Languages(), string(e.Language))
}

// A MissingError says that a program which a language needs is not installed.
type MissingError struct {
	Language Language
	Program  string
	Install  string // how it comes here
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: expected %s on the path, found none: %s", e.Language, e.Program, e.Install)
}

// A Manifest says how a program is built and run: each a program and its arguments, in the folder that the Manifest is in. Nothing
// is built where Build is empty.
type Manifest struct {
	Build []string `json:"build,omitempty"`
	Run   []string `json:"run"`
}

// ManifestFile is the name of the file that a Manifest is in.
const ManifestFile = "firstgap.json"

// how says how a language's programs look: which file the program is in, how it is built and run, what has to be installed, and
// what lies beside it.
type how struct {
	program string
	Manifest
	needs  []MissingError
	beside []string // files, by where they are here
}

func (l Language) how() (how, error) {
	switch l {
	case Go:
		return how{program: "main.go", Manifest: Manifest{Build: []string{"go", "build", "-o", "node", "."}, Run: []string{"./node"}},
			needs: []MissingError{{Program: "go", Install: "https://go.dev/dl has Go 1.22 and later"}}, beside: []string{"go/firstgap.go"}}, nil
	case Python:
		return how{program: "node.py", Manifest: Manifest{Run: []string{"python3", "node.py"}},
			needs: []MissingError{{Program: "python3", Install: "install Python 3.9 or later (Debian: apt-get install -y python3)"}}, beside: []string{"python/firstgap.py"}}, nil
	case TypeScript:
		return how{program: "node.ts", Manifest: Manifest{Build: []string{"tsc", "-p", "."}, Run: []string{"node", "node.js"}},
			needs: []MissingError{{Program: "node", Install: "install Node.js 18.14 or later (Debian: apt-get install -y nodejs npm)"},
				{Program: "tsc", Install: "npm install --global typescript@7.0.2"}},
			beside: []string{"typescript/firstgap.ts", "typescript/tsconfig.json", "typescript/package.json"}}, nil
	}
	return how{}, &LanguageError{l}
}

// Installed returns a *MissingError for the first program that is not on the path and that building or running a program in
// language l takes, and a *LanguageError for one that has no library.
func (l Language) Installed() error {
	h, err := l.how()
	if err != nil {
		return err
	}
	for _, need := range h.needs {
		if _, err := exec.LookPath(need.Program); err != nil {
			need.Language = l
			return &need
		}
	}
	return nil
}

// Program returns the name of the file that a program is in.
func (l Language) Program() (string, error) {
	h, err := l.how()
	return h.program, err
}

// Library returns the client library, and the name of its file.
func (l Language) Library() (name string, text []byte, err error) {
	h, err := l.how()
	if err != nil {
		return "", nil, err
	}
	text, err = files.ReadFile(h.beside[0])
	return path.Base(h.beside[0]), text, err
}

// Register returns the example: the program of a replicated register.
func (l Language) Register() ([]byte, error) {
	names := map[Language]string{Go: "main.go", Python: "register.py", TypeScript: "register.ts"}
	if names[l] == "" {
		return nil, &LanguageError{l}
	}
	return files.ReadFile("register/" + names[l])
}

// ours is how a program in Go of this module reaches the library, and theirs how one does in a folder that is handed out, where
// the library is a package of the folder's own module.
const (
	ours   = `firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"`
	theirs = `"node/firstgap"`
	module = "module node\n\ngo 1.22\n"
)

// Folder returns the files of the folder in which a program is handed out, or handed in, by their paths in it: the program, the
// library, and a Manifest that says how it is built and run. It is a *LanguageError to ask for one without a library.
func (l Language) Folder(program []byte) (map[string][]byte, error) {
	h, err := l.how()
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(h.Manifest)
	if err != nil {
		return nil, err
	}
	folder := map[string][]byte{h.program: program, ManifestFile: append(manifest, '\n')}
	for _, name := range h.beside {
		if folder[path.Base(name)], err = files.ReadFile(name); err != nil {
			return nil, err
		}
	}
	if l == Go {
		folder[h.program] = bytes.Replace(program, []byte(ours), []byte(theirs), 1)
		folder["go.mod"] = []byte(module)
		folder["firstgap/firstgap.go"] = folder["firstgap.go"]
		delete(folder, "firstgap.go")
	}
	return folder, nil
}

// Write writes the files of a folder below dir, which need not be there. It replaces no file that is.
func Write(dir string, folder map[string][]byte) error {
	for name, text := range folder {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
