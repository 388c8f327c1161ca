package text

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -999: "-999", -1234: "-1,234"} {
		require.Equal(t, want, Count(n))
	}
	require.Equal(t, "18,446,744,073,709,551,615", Count(^uint64(0)))
	require.Equal(t, "1.50", Seconds(1500*time.Millisecond, 2))
	require.Equal(t, "0.25", Milliseconds(250*time.Microsecond, 2))
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 12.8e9: "12.8 GB", 1e13: "10 TB", 2e15: "2 PB", 5e18: "5000 PB"} {
		require.Equal(t, want, Bytes(n))
	}
	for x, want := range map[float64]string{0: "0.0", 99.94: "99.9", 100: "100", 99_999: "99999", 123_456: "123k"} {
		require.Equal(t, want, Figure(x))
	}
}

// A number that is cut would look like another one, so it goes as a whole.
func TestShort(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"one\ntwo", 9, "one"},
		{"größer", 5, "größ…"},
		{"µµµµ", 2, "µ…"},
		{"took 1,234,567 ns", 10, "took…"},
		{"took 3.25 s in all", 8, "took…"},
		{"took 3.25 s in all", 10, "took 3.25…"},
		{"12345", 3, "…"},
		{"words, more", 8, "words,…"},
		{"abc", 0, "…"},
	} {
		require.Equal(t, c.want, Short(c.text, c.most), "%q at %d", c.text, c.most)
	}
}

func TestFold(t *testing.T) {
	text := "verdict     pass: every invariant holds in every reachable state\nshort\n  1,234 states, 5,678 steps in all\n\n"
	require.Equal(t, text, Fold(text, 0))
	require.Equal(t, text, Fold(text, 80))
	require.Equal(t, `verdict     pass: every
            invariant holds in
            every reachable
            state
short
  1,234 states, 5,678 steps in
  all

`, Fold(text, 30))
	require.Equal(t, "no end", Fold("no end", 20))
	require.Equal(t, "a-long-\nname of\n1-2-3-4-5-6", Fold("a-long-name of 1-2-3-4-5-6", 8), "a line ends behind a hyphen between letters alone")
	require.Equal(t, "unbreak…", Fold("unbreakably", 8))
}

// campaign is a table like those that the commands print.
func campaign() *Table {
	t := NewTable(Text("CHECK"), Text("VERDICT"), Number("RUNS"), Number("VIOLATIONS"), Text("GUARANTEE"))
	t.Row("trace", Cell{"pass", Good}, "9,237", 0, "every step of the run is a step of the model, and the model's invariants hold")
	t.Row("serializability", Cell{"violation", Bad}, "1,234,567", 12, "what the clients saw is what one of them after the other would have seen, in an order that respects real time")
	t.Row("activity", Cell{"could not tell", Unsure}, "0", 0, "the runs did something")
	return t
}

func TestTable(t *testing.T) {
	for width, want := range map[int]string{
		0: `CHECK            VERDICT              RUNS  VIOLATIONS  GUARANTEE
trace            pass                9,237           0  every step of the run is a step of the model, and the model's invariants hold
serializability  violation       1,234,567          12  what the clients saw is what one of them after the other would have seen, in an order that respects real time
activity         could not tell          0           0  the runs did something
`,
		200: `CHECK            VERDICT              RUNS  VIOLATIONS  GUARANTEE
trace            pass                9,237           0  every step of the run is a step of the model, and the model's invariants hold
serializability  violation       1,234,567          12  what the clients saw is what one of them after the other would have seen, in an order that respects real time
activity         could not tell          0           0  the runs did something
`,
		80: `CHECK            VERDICT              RUNS  VIOLATIONS  GUARANTEE
trace            pass                9,237           0  every step of the run is
                                                        a step of the model, and
                                                        the model's invariants
                                                        hold
serializability  violation       1,234,567          12  what the clients saw is
                                                        what one of them after
                                                        the other would have
                                                        seen, in an order that
                                                        respects real time
activity         could not tell          0           0  the runs did something
`,
		60: `CHECK         trace
  VERDICT     pass
  RUNS        9,237
  VIOLATIONS  0
  GUARANTEE   every step of the run is a step of the model,
              and the model's invariants hold
CHECK         serializability
  VERDICT     violation
  RUNS        1,234,567
  VIOLATIONS  12
  GUARANTEE   what the clients saw is what one of them after
              the other would have seen, in an order that
              respects real time
CHECK         activity
  VERDICT     could not tell
  RUNS        0
  VIOLATIONS  0
  GUARANTEE   the runs did something
`,
		40: `CHECK         trace
  VERDICT     pass
  RUNS        9,237
  VIOLATIONS  0
  GUARANTEE   every step of the run is a
              step of the model, and the
              model's invariants hold
CHECK         serializability
  VERDICT     violation
  RUNS        1,234,567
  VIOLATIONS  12
  GUARANTEE   what the clients saw is
              what one of them after the
              other would have seen, in
              an order that respects
              real time
CHECK         activity
  VERDICT     could not tell
  RUNS        0
  VIOLATIONS  0
  GUARANTEE   the runs did something
`,
	} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, campaign().Write(&Screen{Writer: &b, Width: width}))
			require.Equal(t, want, b.String())
		})
	}
}

// At every width, no line is longer, no number is cut, and every word is there.
func TestTableAtEveryWidth(t *testing.T) {
	tables := map[string]func() *Table{
		"campaign": campaign,
		"groups": func() *Table {
			t := NewTable(Text("design"), Number("messages").In("write-only"), Number("bytes").In("write-only"), Number("messages").In("mixed, half of them reads"), Number("bytes").In("mixed, half of them reads"))
			t.Indent = 2
			t.Row("aurora", "12.0", "123,456", "8.1", "99")
			return t
		},
		"no titles": func() *Table {
			t := NewTable(Text(""), Number(""))
			t.Row("acknowledged commits", "1,234,567")
			t.Row("most bytes on the heap", "12,345,678,901")
			return t
		},
	}
	number := regexp.MustCompile(`[0-9][0-9.,]*`)
	for name, table := range tables {
		var whole bytes.Buffer
		require.NoError(t, table().Write(&whole))
		for width := 30; width <= 250; width++ {
			var b bytes.Buffer
			require.NoError(t, table().Write(&Screen{Writer: &b, Width: width}))
			require.Subset(t, number.FindAllString(whole.String(), -1), number.FindAllString(b.String(), -1), "%s at %d", name, width)
			for line := range strings.Lines(b.String()) {
				require.LessOrEqual(t, widthOf(strings.TrimSuffix(line, "\n")), width, "%s at %d:\n%s", name, width, b.String())
				require.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "spaces at the end")
			}
			require.Subset(t, number.FindAllString(b.String(), -1), number.FindAllString(whole.String(), -1), "%s at %d", name, width)
			if name != "groups" { // whose titles may be shortened
				require.NotContains(t, b.String(), ellipsis)
			}
		}
	}
}

func TestTableOfGroups(t *testing.T) {
	table := NewTable(Text("design"), Number("messages").In("write-only"), Number("bytes").In("write-only"), Number("messages").In("mixed"), Number("bytes").In("mixed"))
	table.Indent = 2
	table.Row("aurora", "12.0", "123,456", "8.1", "99")
	var b bytes.Buffer
	require.NoError(t, table.Write(&b))
	require.Equal(t, `          write-only         mixed
  design  messages    bytes  messages  bytes
  aurora      12.0  123,456       8.1     99
`, b.String())
	b.Reset()
	require.NoError(t, table.Write(&Screen{Writer: &b, Width: 30}))
	require.Equal(t, `          write-only
  design  messages    bytes
  aurora      12.0  123,456

          mixed
  design  messages  bytes
  aurora       8.1     99
`, b.String())
	b.Reset()
	require.NoError(t, table.Write(&Screen{Writer: &b, Width: 20}))
	require.Equal(t, `  design  aurora
    write-only,
    messages
          12.0
    write-only,
    bytes
          123,456

  design  aurora
    mixed, messages
          8.1
    mixed, bytes
          99
`, b.String(), "groups that have no room beside the first column either")
}

// Rows that are printed as they come keep to the room that was made for them, and the last column has the rest.
func TestTableRowByRow(t *testing.T) {
	for width, want := range map[int]string{
		0: `world    states  as expected
tiny      8,808  yes
aborts  611,325  NO: found Durable, expected pass
`,
		30: `world    states  as expected
tiny      8,808  yes
aborts  611,325  NO: found
                 Durable,
                 expected pass
`,
	} {
		table := NewTable(Text("world"), Number("states"), Text("as expected"))
		table.Reserve("aborts", "999,999", "yes")
		var b bytes.Buffer
		p := table.Begin(&Screen{Writer: &b, Width: width})
		require.NoError(t, p.Row("tiny", "8,808", "yes"))
		require.NoError(t, p.Row("aborts", "611,325", "NO: found Durable, expected pass"))
		require.Equal(t, want, b.String())
	}
	require.PanicsWithValue(t, "text: a row has 1 cells; expected 2, one for each column", func() { NewTable(Text("a"), Text("b")).Row("x") })
}

// full is a disk that has no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestTableThatCannotBeWritten(t *testing.T) {
	require.ErrorIs(t, campaign().Write(full{}), io.ErrShortWrite)
	require.ErrorIs(t, (&Screen{Writer: full{}, Width: 9}).Folded(func(w io.Writer) error { return nil }), io.ErrShortWrite)
}

// Verdicts have colours on a screen that shows them, and columns stay where they are.
func TestColours(t *testing.T) {
	var plain, coloured bytes.Buffer
	for _, width := range []int{0, 80, 60, 40} {
		plain.Reset()
		coloured.Reset()
		require.NoError(t, campaign().Write(&Screen{Writer: &plain, Width: width}))
		require.NoError(t, campaign().Write(&Screen{Writer: &coloured, Width: width, Colour: true}))
		require.NotContains(t, plain.String(), "\x1b")
		for _, want := range []string{"\x1b[32mpass\x1b[0m", "\x1b[31mviolation\x1b[0m", "\x1b[33mcould not"} {
			require.Contains(t, coloured.String(), want)
		}
		require.Equal(t, plain.String(), regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured.String(), ""))
	}
}

func TestOn(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == key {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for name, c := range map[string]struct {
		terminal bool
		width    int
		env      func(string) string
		want     Screen
	}{
		"terminal":                {true, 60, env(), Screen{Width: 60, Colour: true}},
		"terminal without colour": {true, 60, env("NO_COLOR", "1"), Screen{Width: 60}},
		"NO_COLOR is empty":       {true, 60, env("NO_COLOR", ""), Screen{Width: 60, Colour: true}},
		"asked for":               {true, 60, env("COLUMNS", "40"), Screen{Width: 40, Colour: true}},
		"pipe":                    {false, 0, env(), Screen{}},
		"pipe, asked for":         {false, 0, env("COLUMNS", "80"), Screen{Width: 80}},
		"pipe, nonsense":          {false, 0, env("COLUMNS", "wide"), Screen{}},
		"pipe, negative":          {false, 0, env("COLUMNS", "-5"), Screen{}},
	} {
		require.Equal(t, c.want, *screen(nil, c.terminal, c.width, c.env), name)
	}
	t.Setenv("COLUMNS", "33")
	var b bytes.Buffer
	require.Equal(t, Screen{Writer: &b}, *On(&b), "what is no file is no terminal")
	own := &Screen{Writer: &b, Width: 7}
	require.Same(t, own, On(own))
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	require.Equal(t, Screen{Writer: file, Width: 33}, *On(file))
	require.NoError(t, (&Screen{Writer: &b, Width: 12}).Folded(func(w io.Writer) error { _, err := io.WriteString(w, "three words more\n"); return err }))
	require.Equal(t, "three words\nmore\n", b.String())
}

// clock is a clock that stands still until it is put forward.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

// On a terminal there is one line, which is cleared before anything else is printed, and which never goes on in a second one.
func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	c := &clock{now: time.Unix(1000, 0)}
	p := NewProgress(&b, c.read)
	p.terminal, p.next, p.width = true, time.Time{}, func() int { return 20 }
	p.Show("first")
	p.Show("too soon")
	c.now = c.now.Add(oftenShown)
	p.Show("a line that is longer than the terminal")
	p.Milestone("done")
	p.End()
	p.Show("too late")
	p.Milestone("too late")
	p.End()
	require.Equal(t, "\r\x1b[Kfirst\r\x1b[Ka line that is lon…\r\x1b[Kdone\r\x1b[K", b.String())
}

// Elsewhere there is a line every few seconds, and nothing that only a terminal understands.
func TestProgressInAPipe(t *testing.T) {
	var b bytes.Buffer
	c := &clock{now: time.Unix(1000, 0)}
	p := NewProgress(&b, c.read)
	for i := range 120 { // a minute
		p.Show(fmt.Sprintf("%d of 120", i))
		c.now = c.now.Add(time.Second / 2)
	}
	p.Milestone("finished")
	p.End()
	require.Equal(t, "10 of 120\n20 of 120\n30 of 120\n40 of 120\n50 of 120\n60 of 120\n70 of 120\n80 of 120\n90 of 120\n100 of 120\n110 of 120\nfinished\n", b.String())
}
