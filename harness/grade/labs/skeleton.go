package labs

import (
	"embed"
	"fmt"
	"path"

	"github.com/firstgap/firstgap/harness/lines/clients"
)

// skeletons are the programs that students begin with, of each lab in a folder for each language. They run, and do nothing.
//
//go:embed register/skeleton segment/skeleton recovery/skeleton commit/skeleton groups/skeleton reader/skeleton pages
var skeletons embed.FS

// given are the files that are handed out with the skeletons of segments: the bytes of pages and of checksums are no part of the lab.
func given(lab string, in clients.Language) map[string]string {
	if in == clients.Python && (lab == "segment" || lab == "groups") {
		return map[string]string{"page.py": "pages/python/page.py"}
	}
	return nil
}

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
	folder, err := in.Folder(program)
	if err != nil {
		return nil, err
	}
	for name, from := range given(l.Name, in) {
		if folder[name], err = skeletons.ReadFile(from); err != nil {
			return nil, err
		}
	}
	return folder, nil
}
