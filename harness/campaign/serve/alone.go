package serve

import (
	"html/template"
	"io"
	"net/url"
	"path"
	"path/filepath"
)

// WritePage writes the page of the campaign in a folder, whose path is below that of the server ("." for its own), as one file of HTML that
// needs no server: with its style in it, along the axis of time, and without links to other pages. A file of a failure is linked by its path in
// the campaign's folder, if there says that the page will find it by that.
func (s *Server) WritePage(w io.Writer, at string, there func(file string) bool) error {
	byTime := axes()[1]
	p, err := s.campaignPage(at, byTime)
	if err != nil {
		return err
	}
	if at == "." { // the page is read far from the folder
		p.Title = filepath.Base(s.dir)
	}
	p.standAlone(there)
	return pageTemplate.Execute(w, p)
}

// standAlone makes a page one that needs no server.
func (p *page) standAlone(there func(string) bool) {
	p.Style, p.Crumbs = template.CSS(styleCSS), nil //nolint:gosec // the style is this package's own
	for i := range p.Sections {
		s := &p.Sections[i]
		s.Links, s.Form = nil, nil
		tables := s.Tables
		for _, m := range s.More {
			tables = append(tables[:len(tables):len(tables)], m.Tables...)
		}
		for _, t := range tables {
			for _, row := range t.rows {
				for j := range row {
					row[j].alone(there)
				}
			}
		}
	}
}

// alone keeps the links to files that are there. Of links to other pages it keeps the text; a file that is not there has none.
func (c *cell) alone(there func(string) bool) {
	var files []link
	text := ""
	for _, l := range c.Links {
		u, err := url.Parse(l.Href)
		if err != nil || u.Path != "/file" {
			text += l.Text + " "
			continue
		}
		if file := path.Join("failures", u.Query().Get("name")); there(file) {
			files = append(files, link{file, l.Text})
		}
	}
	c.Links, c.Text = files, text+c.Text
}
