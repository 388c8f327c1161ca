package labs

import (
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"fmt"
	"path"
	"strings"
)

// Labs returns the course, in its order.
func Labs() []Lab {
	return []Lab{register(), segments(), recovery(), commit(), groups(), readers()}
}

// A NumberError says that no lab has a number.
type NumberError struct{ Found, Most int }

func (e *NumberError) Error() string {
	return fmt.Sprintf("labs: expected the number of a lab, 1 to %d, found %d", e.Most, e.Found)
}

// Numbered returns the lab of that number, or a *NumberError.
func Numbered(n int) (Lab, error) {
	all := Labs()
	for i := range all {
		if all[i].Number == n {
			return all[i], nil
		}
	}
	return Lab{}, &NumberError{n, len(all)}
}

// Most is the sum of a lab's marks.
func (l *Lab) Most() int {
	sum := l.Break.Marks
	for i := range l.Tests {
		sum += l.Tests[i].Marks
	}
	return sum
}

// MostRounds is how often the runs of a test are made with further seeds, while nothing failed and its needs are not met: chance decides
// whether a run comes to what a test is about, and a right submission must not lose marks by it.
const MostRounds = 4

// Seeds returns the seeds of a test's runs. Those of a public test are the same for everybody; those of the others follow from
// the secret of the course, and from nothing that a student knows.
func (l *Lab) Seeds(t *Test, secret []byte) []uint64 { return l.SeedsOf(t, secret, 0) }

// SeedsOf returns those of a further round, from 0 on.
func (l *Lab) SeedsOf(t *Test, secret []byte, round int) []uint64 {
	if t.Public {
		secret = nil
	}
	return seeds(secret, fmt.Sprintf("lab %d, test %s", l.Number, t.Name), (round+1)*t.Runs)[round*t.Runs:]
}

// BreakSeeds returns the seeds of the runs on a step of the break-point's ladder. All follow from the secret.
func (l *Lab) BreakSeeds(step int, secret []byte) []uint64 {
	return seeds(secret, fmt.Sprintf("lab %d, step %d", l.Number, step), l.Break.Runs)
}

func seeds(secret []byte, name string, many int) []uint64 {
	all := make([]uint64, many)
	for i := range all {
		m := hmac.New(sha256.New, secret)
		fmt.Fprintf(m, "%s, run %d", name, i+1)
		all[i] = binary.BigEndian.Uint64(m.Sum(nil)) >> 1 // so that it fits every notation of a number
	}
	return all
}

// files are the handouts and the scripts, in a folder for each lab.
//
//go:embed register segment recovery commit groups reader
var files embed.FS

// Handout returns what students are given to read, as Markdown.
func (l *Lab) Handout() string { return l.file("handout.md") }

func (l *Lab) file(name string) string {
	text, err := files.ReadFile(path.Join(l.Name, name))
	if err != nil {
		panic(fmt.Sprintf("labs: %v", err)) // it is built in
	}
	return string(text)
}

// script returns a script from the lab's folder.
func script(lab, name string) Script {
	l := Lab{Name: lab}
	return Script{Name: name, Text: strings.TrimSpace(l.file("scripts/"+name+".txt")) + "\n"}
}
