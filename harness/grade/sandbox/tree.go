package sandbox

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// What a submission's folder may hold.
const (
	mostBytes = 256 << 20
	mostFiles = 20_000
	mostDeep  = 64 // folders in one another
)

// A SubmissionError is a submission's folder that cannot be taken.
type SubmissionError struct {
	Path    string // in the folder, "." for the folder itself
	Problem string
}

func (e *SubmissionError) Error() string {
	return fmt.Sprintf("the submission's %s %s", e.Path, e.Problem)
}

// A bound counts what is taken from a tree.
type bound struct {
	bytes int64
	files int
}

// add takes one more file, folder or link.
func (b *bound) add(name string, size int64) error {
	b.files++
	b.bytes += size
	switch {
	case b.files > mostFiles:
		return &SubmissionError{Path: ".", Problem: fmt.Sprintf("holds more than the %d files and folders that it may", mostFiles)}
	case b.bytes > mostBytes || size < 0:
		return &SubmissionError{Path: ".", Problem: "holds more than the " + bytesInWords(mostBytes) + " that it may"}
	case strings.Count(name, "/") >= mostDeep:
		// The name is as long as it is deep.
		return &SubmissionError{Path: ".", Problem: fmt.Sprintf("holds folders in one another, deeper than the %d that it may", mostDeep)}
	}
	return nil
}

// copyTree copies a submission's folder, following nothing out of it.
func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &SubmissionError{Path: ".", Problem: "is no folder"}
	}
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := newRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	var taken bound
	return fs.WalkDir(source.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "." {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size := int64(0)
		if d.Type().IsRegular() {
			size = info.Size()
		}
		if err := taken.add(name, size); err != nil {
			return err
		}
		switch d.Type() {
		case fs.ModeDir:
			return target.Mkdir(name, 0o755)
		case fs.ModeSymlink:
			to, err := source.Readlink(name)
			if err != nil {
				return err
			}
			if path.IsAbs(to) || !filepath.IsLocal(path.Join(path.Dir(name), to)) {
				return &SubmissionError{Path: name, Problem: "is a link that leads out of the folder"}
			}
			return target.Symlink(to, name)
		case 0:
			in, err := source.Open(name)
			if err != nil {
				return err
			}
			defer in.Close()
			return write(target, name, in, info.Mode()&0o111 != 0, size)
		}
		return &SubmissionError{Path: name, Problem: "is neither a file nor a folder nor a link, but " + kindOf(d.Type())}
	})
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// extract writes the files of a tar of a built folder. The stranger's build has written it, so its names are looked at as those of a
// stranger; a link may lead anywhere, since only the program in the box ever follows it.
func extract(r io.Reader, to string) error {
	target, err := newRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	var taken bound
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if name == "." {
			continue
		}
		if !filepath.IsLocal(name) {
			return &SubmissionError{Path: ".", Problem: "was built into a file outside of it"}
		}
		size := int64(0)
		if h.Typeflag == tar.TypeReg {
			size = h.Size
		}
		if err := taken.add(name, size); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = target.Mkdir(name, 0o755)
		case tar.TypeSymlink:
			err = target.Symlink(h.Linkname, name)
		case tar.TypeLink:
			err = target.Link(path.Clean(h.Linkname), name)
		case tar.TypeReg:
			err = write(target, name, in, h.Mode&0o111 != 0, size)
		default:
			err = &SubmissionError{Path: name, Problem: "was built into neither a file nor a folder nor a link"}
		}
		if err != nil {
			return err
		}
	}
}

func newRoot(folder string) (*os.Root, error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(folder)
}

// write copies a file of at most size bytes.
func write(target *os.Root, name string, in io.Reader, program bool, size int64) error {
	mode := fs.FileMode(0o644)
	if program {
		mode = 0o755
	}
	out, err := target.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, size))
	return errors.Join(err, out.Close())
}
