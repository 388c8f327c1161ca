package serve

import (
	"html/template"
	"io"
	"net/url"
	"path"
)

// WritePage writes the page of the campaign in a folder, whose path is below that of the server ("." for its own), as one file of HTML that
// needs no server: with its style in it, along the axis of time, and without links to other pages. The files of a failure are linked where they
// are in the campaign's own folder, so the page finds them when it lies there.
func (s *Server) WritePage(w io.Writer, at string) error {
	byTime := axes()[1]
	p, err := s.campaignPage(at, byTime)
	if err != nil {
		return err
	}
	p.standAlone()
	return pageTemplate.Execute(w, p)
}

// standAlone makes a page one that needs no server.
func (p *page) standAlone() {
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
					row[j].alone()
				}
			}
		}
	}
}

// alone keeps the links to files, and of the others their text.
func (c *cell) alone() {
	var files []link
	text := ""
	for _, l := range c.Links {
		if u, err := url.Parse(l.Href); err == nil && u.Path == "/file" {
			files = append(files, link{path.Join("failures", u.Query().Get("name")), l.Text})
			continue
		}
		text += l.Text + " "
	}
	c.Links, c.Text = files, text+c.Text
}
