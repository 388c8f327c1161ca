package serve

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"
)

// maxServed bounds a file that is shown, in bytes: a failure's file may be as long.
const maxServed = 64 << 20

// ofFailure are names of files that a campaign keeps of its failures, and ofReport those of a report: no other file is shown.
var (
	ofFailure = regexp.MustCompile(`^[0-9a-f]{16}-[0-9a-f]{16}(\.[A-Za-z0-9_-]+)+$`)
	ofReport  = regexp.MustCompile(`^(report\.json|junit\.xml|report\.sarif|summary\.md|seed-[0-9]+\.(fgt|html))$`)
)

// sandbox is what a page that was found in a folder may do: run its own script in a place of its own, from where it reaches neither the other
// pages nor any network. It may have been written by another program than this one.
const sandbox = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file answers with a file of a failure or of a report: a page as one, anything else as text.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	at, name := q.Get("at"), q.Get("name")
	if err := s.folder(at); err != nil {
		wrong(w, err)
		return
	}
	beside, known := reportFile, ofReport
	folder := at
	if path.Base(at) == "failures" && !s.isReport(at) {
		beside, known, folder = campaignFile, ofFailure, path.Dir(at)
	}
	if !known.MatchString(name) {
		wrong(w, &NameError{name, "the name of a file of a failure or of a report", "another"})
		return
	}
	if info, err := s.root.Lstat(path.Join(folder, beside)); err != nil || !info.Mode().IsRegular() {
		wrong(w, &NotThereError{path.Join(folder, beside)})
		return
	}
	full := path.Join(at, name)
	if info, err := s.root.Lstat(full); err == nil && !info.Mode().IsRegular() {
		wrong(w, &NameError{full, "a file", "a link, a folder or a device"})
		return
	}
	body, err := s.read(full, maxServed)
	if err != nil {
		wrong(w, err)
		return
	}
	if sum := fmt.Sprintf("%016x", xxh3.Hash(body)); folder != at && name[17:33] != sum {
		wrong(w, &NameError{full, "the sum of its name", sum + ": it is not as it was written"})
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if strings.HasSuffix(name, ".html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	if strings.HasSuffix(name, ".fgt") { // to be replayed, and longer than anybody reads
		h.Set("Content-Type", "application/json")
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (s *Server) isReport(at string) bool {
	info, err := s.root.Lstat(path.Join(at, reportFile))
	return err == nil && info.Mode().IsRegular()
}
