package labs

import (
	"embed"
	"fmt"
	"path"

	"github.com/firstgap/firstgap/harness/lines/clients"
)

// skeletons are the programs that students begin with, of each lab in a folder for each language. They run, and do nothing.
//
//go:embed register/skeleton segment/skeleton recovery/skeleton commit/skeleton groups/skeleton reader/skeleton
var skeletons embed.FS

// Skeleton returns the files of the folder that a student of the lab begins with, by their paths in it: a program that runs and does
// nothing, with comments that say what to write where, the client library, and how it is built and run. It is a
// *clients.LanguageError to ask for one in a language without a library.
func (l *Lab) Skeleton(in clients.Language) (map[string][]byte, error) {
	name, err := in.Program()
	if err != nil {
		return nil, err
	}
	program, err := skeletons.ReadFile(path.Join(l.Name, "skeleton", string(in), name))
	if err != nil {
		return nil, fmt.Errorf("labs: lab %d has no skeleton: %w", l.Number, err)
	}
	return in.Folder(program)
}
