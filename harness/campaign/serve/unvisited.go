package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// unvisitedFile lists, in a campaign's folder, places of enumerated spaces that no run has reached.
const unvisitedFile = "unvisited.json"

// maxUnvisited bounds that file, in bytes.
const maxUnvisited = 64 << 20

// An Unvisited is a place of a space that no run has reached, and a shortest schedule of the model that leads there.
type Unvisited struct {
	Space    string   `json:"space"` // such as "states of six"
	Index    uint64   `json:"index"` // in the space
	Text     string   `json:"text"`
	Schedule []string `json:"schedule"` // actions
}

// unvisitedOf reads the list of a campaign. It is nil without an error where there is none.
func (s *Server) unvisitedOf(name string) ([]Unvisited, error) {
	raw, err := s.read(path.Join(name, unvisitedFile), maxUnvisited)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := []Unvisited{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, &NameError{path.Join(name, unvisitedFile), "a list of places", err.Error()}
	}
	return all, nil
}

// read reads a file below the folder: a regular one, of at most so many bytes.
func (s *Server) read(name string, most int64) ([]byte, error) {
	info, err := s.root.Stat(filepath.FromSlash(name)) // to open a pipe would wait for a writer
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &NotThereError{name}
		}
		return nil, &NameError{name, "a file below the folder that is shown", bare(err).Error()}
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, &NameError{name, fmt.Sprintf("a file of at most %d bytes", most), "another"}
	}
	f, err := s.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, &NameError{name, "a file that can be read", bare(err).Error()}
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

func unvisitedSection(name string, all []Unvisited, err error, most int) section {
	s := section{Heading: "Not reached"}
	if err != nil {
		s.Bad = []string{err.Error()}
		return s
	}
	if len(all) == 0 {
		s.Notes = []string{"Nothing is listed that no run has reached."}
		return s
	}
	s.Tables = []*table{unvisitedTable(all[:min(len(all), most)])}
	if len(all) > most {
		s.Links = []link{{href("/unvisited", "at", name), fmt.Sprintf("All %s", count(len(all)))}}
	}
	return s
}

func unvisitedTable(some []Unvisited) *table {
	named := slices.ContainsFunc(some, func(x Unvisited) bool { return x.Text != "" })
	columns := []column{words("of"), number("number"), words("schedule")}
	if named {
		columns = append(columns, words("place"))
	}
	t := newTable("Places of the model that no run has reached, each with a shortest schedule that leads there.", columns...)
	t.cards = true
	for _, x := range some {
		schedule := strings.Join(x.Schedule, " → ")
		if schedule == "" {
			schedule = "none: the world begins there"
		}
		row := []any{x.Space, x.Index, cell{Text: schedule, Class: "code"}}
		if named {
			row = append(row, cell{Text: x.Text, Class: "code"})
		}
		t.row(row...)
	}
	return t
}

// unvisited answers with the places that a campaign's runs have not reached.
func (s *Server) unvisited(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := q.Get("at")
	if _, err := s.open(name); err != nil {
		wrong(w, err)
		return
	}
	all, err := s.unvisitedOf(name)
	if err != nil {
		wrong(w, err)
		return
	}
	from := 0
	if text := q.Get("from"); text != "" {
		if from, err = strconv.Atoi(text); err != nil || from < 0 {
			wrong(w, &NameError{text, "a place in the list", "none"})
			return
		}
	}
	from = min(from, len(all))
	end := min(from+mostUnvisited, len(all))
	body := section{}
	to := func(n int) string { return href("/unvisited", "at", name, "from", strconv.Itoa(n)) }
	if from > 0 {
		body.Links = append(body.Links, link{to(max(from-mostUnvisited, 0)), "Earlier"})
	}
	if end < len(all) {
		body.Links = append(body.Links, link{to(end), "Later"})
	}
	body.Notes = []string{fmt.Sprintf("%s to %s of %s.", count(min(from+1, end)), count(end), count(len(all)))}
	if end > from {
		body.Tables = []*table{unvisitedTable(all[from:end])}
	}
	(&page{Title: "Not reached", Crumbs: []link{crumb(name), {"", "not reached"}}, Sections: []section{body}}).write(w, http.StatusOK)
}
