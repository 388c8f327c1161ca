package class

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/labs"
)

// WriteTable writes a table of a class: CSV as RFC 4180 has it, a line for each submission. A submission that could not be graded has no
// score, and why in the last column: none of its cells reads as a zero.
func WriteTable(file string, lab *labs.Lab, rows []Row) error {
	var b bytes.Buffer
	if err := encode(&b, lab, rows); err != nil {
		return err
	}
	return atomic.Write(file, b.Bytes())
}

func encode(out io.Writer, lab *labs.Lab, rows []Row) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	var tests []string
	for _, t := range lab.Tests {
		if slices.ContainsFunc(rows, func(r Row) bool { return r.Result != nil && test(r.Result, t.Name) != nil }) {
			tests = append(tests, t.Name)
		}
	}
	head := append([]string{"submission", "score", "most"}, tests...)
	if err := w.Write(append(head, grade.BreakPointName, "faults that break it", "flaky", "problem", "could not tell")); err != nil {
		return err
	}
	for _, r := range rows {
		line := []string{harmless(r.Name)}
		if r.Result == nil {
			line = append(line, make([]string, len(head)+3)...)
			line = append(line, harmless(fmt.Sprint(r.Err)))
		} else {
			line = append(line, strconv.Itoa(r.Result.Score), strconv.Itoa(r.Result.Most))
			for _, name := range tests {
				cell := ""
				if t := test(r.Result, name); t != nil {
					cell = strconv.Itoa(t.Score)
				}
				line = append(line, cell)
			}
			line = append(line, breakPoint(r.Result)...)
			var flaky []string
			for _, f := range r.Result.Flaky {
				name, _, _ := strings.Cut(f, ":")
				flaky = append(flaky, name)
			}
			line = append(line, harmless(strings.Join(flaky, ", ")), harmless(r.Result.Problem), "")
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// breakPoint returns the marks, and how many faults break it: "none" where nothing that was tried did.
func breakPoint(r *grade.Result) []string {
	b := r.BreakPoint
	switch {
	case b == nil:
		return []string{"", ""}
	case b.Faults >= 0:
		return []string{strconv.Itoa(b.Score), strconv.Itoa(b.Faults)}
	case b.Steps >= 0 && b.Score == b.Most:
		return []string{strconv.Itoa(b.Score), "none"}
	}
	return []string{strconv.Itoa(b.Score), ""}
}

func test(r *grade.Result, name string) *grade.Test {
	if i := slices.IndexFunc(r.Tests, func(t grade.Test) bool { return t.Name == name }); i >= 0 {
		return &r.Tests[i]
	}
	return nil
}

// harmless makes a cell text for a spreadsheet, which takes what begins with one of these characters for a formula, and runs it.
func harmless(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if s != "" && strings.ContainsRune("=+-@\t\n＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}
