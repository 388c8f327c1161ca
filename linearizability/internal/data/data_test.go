package data

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// read reads one form, in one piece and byte by byte.
func read(t *testing.T, text string, make func(io.Reader) *Reader) (Value, error) {
	t.Helper()
	v, err := make(strings.NewReader(text)).Next()
	slow, slowErr := make(iotest.OneByteReader(strings.NewReader(text))).Next()
	require.Equal(t, v, slow)
	var a, b *Error
	if errors.As(err, &a) && errors.As(slowErr, &b) {
		b.Found = a.Found // as far as it was read already
	}
	require.Equal(t, err, slowErr)
	return v, err
}

func TestEDN(t *testing.T) {
	for text, want := range map[string]string{
		"nil": "nil", "true": "true", "x/y": "x/y", ":a.b/c": ":a.b/c", `"a\"\\\nb\u00e9"`: "a\"\\\nbé",
		"1": "1", "+5": "5", "-0": "0", "1N": "1", "123456789012345678901234567890N": "123456789012345678901234567890",
		"1.5M": "1.5", "1e3": "1000", "2.0": "2", "1/2": "1/2", "0x1F": "31", "##Inf": "Inf", "##-Inf": "-Inf", "##NaN": "NaN",
		`\a`: `\a`, `\newline`: "\\\n", `\u0041`: `\A`, `\(`: `\(`, `\é`: `\é`,
		"(1 [2 {:a #{3}}])": "[1 [2 {:a #{3}}]]", "{:a 1,, :b 2}": "{:a 1 :b 2}",
		"#jepsen.history.Op{:index 0}": "{:index 0}", `#inst "2024-01-02T03:04:05.678-00:00"`: "2024-01-02T03:04:05.678-00:00",
		"#my/tag #other [1]": "[1]", "#:foo{:a 1}": "{:a 1}", `#object[java.lang.Thread 0x12 "x"]`: `[java.lang.Thread 18 "x"]`,
		"^{:a 1} [1]": "[1]", "^:dynamic x": "x", `#"re"`: "re", "#'user/x": "user/x",
		"#_ 1 2": "2", "#_ #_ 1 2 3": "3", "[1 #_2 3 #_ 4]": "[1 3]", "; c\n 1": "1", "[1 ; c\n]": "[1]", "{[1 2] 3}": "{[1 2] 3}",
	} {
		v, err := read(t, text, NewEDN)
		require.NoError(t, err, text)
		require.Equal(t, want, v.String(), text)
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"null": "nil", "true": "true", `"a\/b\u00e9\ud83d\ude00"`: "a/bé😀", "1": "1", "-1.50": "-1.5", "1e2": "100", "2.0": "2",
		`{"a":[1,{"b":null}]}`: `{"a" [1 {"b" nil}]}`, " [ ] ": "[]", "{}": "{}",
	} {
		v, err := read(t, text, NewJSON)
		require.NoError(t, err, text)
		require.Equal(t, want, v.String(), text)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, tc := range []struct {
		make func(io.Reader) *Reader
		text string
		says string
	}{
		{NewEDN, "[1 2)", `1:5: expected "]", found ")"`},
		{NewEDN, "\n  {:a}", "2:4: expected a value for each key of the map, found a key without one"},
		{NewEDN, "{:a 1 :a 2}", "1:7: expected each key of a map once, found :a twice"},
		{NewEDN, "[1a]", `1:2: expected a number, found "1a"`},
		{NewEDN, "[01]", `1:2: expected a number, found "01"`},
		{NewEDN, "'x", `1:1: expected a form, found "'x"`},
		{NewEDN, `"\q"`, `1:3: expected an escape such as \n, found "q\""`},
		{NewEDN, `"\u00g0"`, "1:6: expected u and four hexadecimal digits, found \"g0\\\"\""},
		{NewEDN, "##Nan", "1:1: expected Inf, -Inf or NaN, found Nan"},
		{NewEDN, "]", `1:1: expected a form, found "]"`},
		{NewEDN, strings.Repeat("[", 600), "1:501: expected forms at most 500 deep"},
		{NewJSON, "[1 2]", `1:4: expected a comma or "]", found "2]"`},
		{NewJSON, "[1,]", `1:4: expected a value behind the comma, found "]"`},
		{NewJSON, `{"a" 1}`, `1:6: expected a colon, found "1}"`},
		{NewJSON, `{"a":}`, `1:6: expected a value, found "}"`},
		{NewJSON, `{a:1}`, `1:2: expected a value of JSON, found "a"`},
		{NewJSON, `{1:1}`, `1:2: expected a key in quotes, found a number`},
		{NewJSON, `[01]`, `1:2: expected a value of JSON, found "01"`},
		{NewJSON, `["a` + "\n", "1:4: expected a control character escaped"},
		{NewJSON, `{"a":1,"a":2}`, "1:8: expected each key of a map once, found a twice"},
		{NewJSON, "(1)", `1:1: expected a value of JSON, found "(1)"`},
	} {
		_, err := read(t, tc.text, tc.make)
		var located *Error
		if errors.Is(err, ErrCut) {
			t.Fatalf("%s: %v", tc.text, err)
		}
		require.ErrorAs(t, err, &located, tc.text)
		require.Contains(t, err.Error(), tc.says, tc.text)
	}
}

// Every beginning of a form that is no form is cut off, and never another form.
func TestWhatIsCutOff(t *testing.T) {
	for _, tc := range []struct {
		make func(io.Reader) *Reader
		text string
	}{
		{NewEDN, `{:a [1 22 "x\n"], :b #{\a} :c #tag (3)}`},
		{NewJSON, `{"a":[12,"x\n",null,{"b":true}],"c":-1.5e3}`},
	} {
		for n := 1; n < len(tc.text); n++ {
			_, err := read(t, tc.text[:n], tc.make)
			require.ErrorIs(t, err, ErrCut, tc.text[:n])
		}
		_, err := read(t, tc.text, tc.make)
		require.NoError(t, err)
	}
}

func TestEntering(t *testing.T) {
	all := func(r *Reader) (texts []string, err error) {
		if _, err := r.Enter(); err != nil {
			return nil, err
		}
		for {
			v, err := r.Next()
			if err != nil {
				return texts, err
			}
			texts = append(texts, v.String())
		}
	}
	for _, text := range []string{"1 2 3", "[1, 2 3]", "(1 2\n3)", " ; c\n[1 2 3] ; d\n"} {
		texts, err := all(NewEDN(strings.NewReader(text)))
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"1", "2", "3"}, texts)
	}
	for _, text := range []string{"1 2 3", "[1,2,3]", "1\n2\n3"} {
		texts, err := all(NewJSON(strings.NewReader(text)))
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"1", "2", "3"}, texts)
	}
	for _, text := range []string{"[1,2", "[1,2,", "["} {
		_, err := all(NewJSON(strings.NewReader(text)))
		require.ErrorIs(t, err, ErrCut, text)
	}
	_, err := all(NewEDN(strings.NewReader("[1] 2")))
	require.ErrorContains(t, err, `1:5: expected the end, as the sequence is closed, found "2"`)
	_, err = all(NewEDN(iotest.ErrReader(io.ErrNoProgress)))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

func FuzzForms(f *testing.F) {
	for _, seed := range []string{`{:a [1 2] "x" #{\a}}`, `#tag ^{:m 1} (1/2 ##Inf)`, `[{"a":1},null]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, make := range []func(io.Reader) *Reader{NewEDN, NewJSON} {
			v, err := read(t, text, make)
			if err != nil {
				continue
			}
			// What was read is read again from its own text, but for what has no text of its own.
			if v.Kind == Sequence || v.Kind == Map {
				again, err := NewEDN(strings.NewReader(v.String())).Next()
				if err == nil {
					require.Equal(t, v.String(), again.String())
				}
			}
		}
	})
}
