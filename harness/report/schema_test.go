package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/judge"
)

// An element of the schema for Ant's reports (JUnit.xsd of github.com/windyroad/JUnit-Schema), the strictest one that CIs go by.
type element struct {
	children string            // a pattern over the children's names, each behind a space
	required map[string]string // attributes, with a pattern of each
	optional map[string]string
	text     bool // it may have text
}

// Types of the schema. A token is a text without line breaks, tabs, or spaces at its ends or side by side.
const (
	token   = `(\S+( \S+)*)?`
	name    = `\S+( \S+)*` // a token of at least one character
	integer = `-?[0-9]+`
	decimal = `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)`
	instant = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}`
	anyText = `(?s).*`
)

func schema() map[string]element {
	problem := element{text: true, required: map[string]string{"type": anyText}, optional: map[string]string{"message": anyText}}
	return map[string]element{
		"testsuites": {children: `( testsuite)*`},
		"testsuite": {children: ` properties( testcase)* system-out system-err`,
			required: map[string]string{"id": integer, "package": token, "name": name, "timestamp": instant, "hostname": name,
				"tests": integer, "failures": integer, "errors": integer, "time": decimal},
			optional: map[string]string{"skipped": integer}},
		"properties": {children: `( property)*`},
		"property":   {required: map[string]string{"name": name, "value": anyText}},
		"testcase": {children: `( skipped| error| failure)?`,
			required: map[string]string{"name": token, "classname": token, "time": decimal}},
		"error": problem, "failure": problem,
		// The schema allows anything in it; junit-10.xsd of Jenkins only these.
		"skipped":    {text: true, optional: map[string]string{"type": anyText, "message": anyText}},
		"system-out": {text: true}, "system-err": {text: true},
	}
}

// refusals lists what the schema does not take of a file, and what it only says in words: suites are counted from 0, and a suite's
// numbers are those of its cases.
func refusals(file []byte) (all []string) {
	object := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	known, in := schema(), xml.NewDecoder(bytes.NewReader(file))
	type open struct {
		name     string
		children string
	}
	path := []open{{}}
	suites, found := 0, map[string]int{}
	var said map[string]string
	for {
		t, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			object("%v", err)
			return all
		}
		top := &path[len(path)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e, is := known[t.Name.Local]
			if !is {
				object("<%s> is no element of the schema", t.Name.Local)
			}
			attributes := map[string]string{}
			for _, a := range t.Attr {
				n := a.Name.Local
				pattern, required := e.required[n]
				if !required {
					pattern, is = e.optional[n]
				}
				if !required && !is || !regexp.MustCompile(`^(`+pattern+`)$`).MatchString(a.Value) {
					object("<%s> has %s=%q", t.Name.Local, n, a.Value)
				}
				attributes[n] = a.Value
			}
			for n := range e.required {
				if _, has := attributes[n]; !has {
					object("<%s> lacks %s", t.Name.Local, n)
				}
			}
			switch t.Name.Local {
			case "testsuite":
				if attributes["id"] != strconv.Itoa(suites) {
					object("suite %d has the id %s", suites, attributes["id"])
				}
				suites++
				found, said = map[string]int{}, attributes
			case "testcase":
				found["tests"]++
			case "failure":
				found["failures"]++
			case "error":
				found["errors"]++
			case "skipped":
				found["skipped"]++
			}
			top.children += " " + t.Name.Local
			path = append(path, open{name: t.Name.Local})
		case xml.EndElement:
			if !regexp.MustCompile(`^(` + known[top.name].children + `)$`).MatchString(top.children) {
				object("<%s> contains%s", top.name, top.children)
			}
			if top.name == "testsuite" {
				for _, n := range []string{"tests", "failures", "errors", "skipped"} {
					if want := strconv.Itoa(found[n]); said[n] != want {
						object("a suite has %s=%q, and %s", n, said[n], want)
					}
				}
			}
			path = path[:len(path)-1]
		case xml.CharData:
			if !known[top.name].text && strings.TrimSpace(string(t)) != "" {
				object("<%s> has the text %q", top.name, t)
			}
		}
	}
	if path[0].children != " testsuites" {
		object("the file contains%s", path[0].children)
	}
	return all
}

// The validator is worth what it refuses.
func TestTheSchemaRefuses(t *testing.T) {
	const good = `<testsuites><testsuite id="0" package="p" name="n" timestamp="2026-01-02T03:04:05" hostname="h" tests="1" failures="0" errors="0" skipped="0" time="1.5">` +
		`<properties><property name="seed" value="7"></property></properties><testcase name="a" classname="b" time="0"></testcase><system-out>x</system-out><system-err></system-err></testsuite></testsuites>`
	require.Empty(t, refusals([]byte(good)))
	for _, c := range []struct{ old, new, want string }{
		{`<testsuites>`, `<testsuites name="firstgap">`, `<testsuites> has name="firstgap"`},
		{`<testsuites>`, `<testsuites time="1">`, `<testsuites> has time="1"`},
		{` hostname="h"`, ``, `<testsuite> lacks hostname`},
		{` hostname="h"`, ` hostname=""`, `<testsuite> has hostname=""`},
		{` package="p"`, ``, `<testsuite> lacks package`},
		{`T03:04:05`, `T03:04:05Z`, `has timestamp=`},
		{` timestamp="2026-01-02T03:04:05"`, ``, `<testsuite> lacks timestamp`},
		{`id="0"`, `id="1"`, `suite 0 has the id 1`},
		{`<properties><property name="seed" value="7"></property></properties>`, ``, `<testsuite> contains testcase system-out system-err`},
		{`<system-err></system-err>`, ``, `<testsuite> contains properties testcase system-out`},
		{`<system-out>x</system-out><system-err></system-err>`, `<system-err></system-err><system-out></system-out>`, `<testsuite> contains properties testcase system-err system-out`},
		{`</testcase>`, `<system-out></system-out></testcase>`, `<testcase> contains system-out`},
		{`</testcase>`, `<skipped></skipped><error type="x"></error></testcase>`, `<testcase> contains skipped error`},
		{`</testcase>`, `<failure message="m"></failure></testcase>`, `<failure> lacks type`},
		{`</testcase>`, `<failure type="m"></failure></testcase>`, `a suite has failures="0", and 1`},
		{`</testcase>`, `text</testcase>`, `<testcase> has the text "text"`},
		{`time="0"`, `time="fast"`, `<testcase> has time="fast"`},
		{`classname="b" `, `classname="b" file="f" `, `<testcase> has file="f"`},
		{`name="a"`, `name=" a"`, `<testcase> has name=" a"`},
		{`tests="1"`, `tests="2"`, `a suite has tests="2", and 1`},
		{`value="7"`, ``, `<property> lacks value`},
		{`x</system-out>`, "\x01</system-out>", `illegal character`},
		{`<testcase `, `<test></test><testcase `, `<test> is no element`},
		{`</testsuites>`, ``, `unexpected EOF`},
	} {
		require.Contains(t, strings.Join(refusals([]byte(strings.Replace(good, c.old, c.new, 1))), "\n"), c.want)
	}
}

// Whatever a node's words contain, the file stays one that readers take.
func TestWhatXMLCannotSayIsLeftOut(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x100; r++ {
		all.WriteRune(r)
	}
	all.WriteString("\xff\xc0\x80\ufffe\uffff]]><!-- & \U0001F600 \r\n")
	m, s := failed(t)
	s.System, s.Checks[1].Verdict, s.Checks[1].Detail = all.String(), judge.Violation, all.String()
	s.Reasons = append(s.Reasons, all.String())
	m.Worlds[0].Verdict, m.Worlds[0].Detail = judge.CouldNotTell, all.String()
	r := New(m, s, false, time.Minute)
	r.Failures[0].Replay, r.Failures[0].Page, r.Failures[0].Unexplained = all.String(), all.String(), all.String()
	r.Failures[0].Why = whyOf(all.String())
	_, _, cases := suites(t, r)
	require.Contains(t, cases["model.world/tiny"].Error.Text, "]]><!-- & \U0001F600")
}
