package text

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A tube is a terminal that obeys what a Panel sends. It breaks lines that are too long, scrolls, and breaks its lines anew when it is
// made narrower, as most terminals do.
type tube struct {
	t             *testing.T
	width, height int
	lines         []string // as they were written
	at            int      // the line that the cursor is in, always at its beginning between writes
	writes        int
}

var escape = regexp.MustCompile("^\x1b\\[([0-9]*)([A-Za-z])")

func (u *tube) Write(b []byte) (int, error) {
	u.writes++
	s := string(b)
	line := ""
	for s != "" {
		if m := escape.FindStringSubmatch(s); m != nil {
			s = s[len(m[0]):]
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A": // by rows of the screen, not by lines
				for n > 0 {
					u.at--
					require.GreaterOrEqual(u.t, u.at, 0, "the cursor goes above what is there")
					n -= u.rows(u.lines[u.at])
				}
				require.Zero(u.t, n, "the cursor ends in the middle of a broken line")
			case "K":
				u.put(line)
			case "J":
				u.lines = u.lines[:min(len(u.lines), u.at)]
			case "m":
				line += m[0]
			default:
				require.Fail(u.t, "unknown sequence", "%q", m[0])
			}
			continue
		}
		switch s[0] {
		case '\r':
			line = ""
		case '\n':
			u.put(line)
			u.at++
			line = ""
		default:
			line += s[:1]
		}
		s = s[1:]
	}
	require.Empty(u.t, line, "a line without an end")
	return len(b), nil
}

func (u *tube) put(line string) {
	for len(u.lines) <= u.at {
		u.lines = append(u.lines, "")
	}
	u.lines[u.at] = line
}

func (u *tube) rows(line string) int {
	if u.width == 0 {
		return 1
	}
	return max((shown(line)+u.width-1)/u.width, 1)
}

func (u *tube) terminal() *Terminal {
	return &Terminal{Writer: u, Size: func() (int, int) { return u.width, u.height }}
}

func TestPanelIsDrawnInItsPlace(t *testing.T) {
	u := &tube{t: t, width: 20, height: 10}
	p := NewPanel(u.terminal())
	p.Draw([]string{"one", "two", "three"})
	require.Equal(t, []string{"one", "two", "three"}, u.lines)
	p.Draw([]string{"1", "2", "3", "4"})
	require.Equal(t, []string{"1", "2", "3", "4"}, u.lines)
	p.Draw([]string{"a"})
	require.Equal(t, []string{"a"}, u.lines)
	p.Above("found one")
	require.Equal(t, []string{"found one", "a"}, u.lines)
	p.Draw([]string{"b", "a line that is longer than the terminal"})
	require.Equal(t, []string{"found one", "b", "a line that is lon…"}, u.lines)
	require.Equal(t, 5, u.writes, "more than one write a drawing flickers")
	u.width = 7 // the long line takes three rows now
	p.Draw([]string{"c", "seven 7"})
	require.Equal(t, []string{"found one", "c", "seven…"}, u.lines)
	u.height = 3
	p.Draw([]string{"d", "e", "f", "g"})
	require.Equal(t, []string{"found one", "d", "e"}, u.lines, "a line that scrolls out could not be overwritten")
	u.width, u.height = 0, 0
	p.Draw([]string{"of a terminal that does not say how large it is"})
	require.Equal(t, []string{"found one", "of a terminal that does not say how large it is"}, u.lines)
	require.Equal(t, Screen{Width: 0}, *p.Screen(nil))
	u.width = 60
	require.Equal(t, Screen{Width: 59}, *p.Screen(nil))
}

func TestColoursTakeNoRoom(t *testing.T) {
	const red = "\x1b[31mgrößer\x1b[0m than"
	require.Equal(t, 11, shown(red))
	require.Equal(t, red, clip(red, 11))
	require.Equal(t, "\x1b[31mgröß…\x1b[0m", clip(red, 5))
	require.Equal(t, "\x1b[31mgrößer\x1b[0m t…\x1b[0m", clip(red, 9))
	require.Equal(t, "plai…", clip("plainly", 5))
	require.Equal(t, "\x1b[", clip("\x1b[", 5), "what only looks like a colour")
}

func TestWhatIsNoTerminal(t *testing.T) {
	require.Nil(t, TerminalOf(&bytes.Buffer{}))
	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	require.Nil(t, TerminalOf(file))
}

func TestShortNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 9_999: "9999", 10_000: "10.0k", 12_345: "12.3k", 99_949: "99.9k", 99_951: "100k", 999_499: "999k", 999_501: "1.00M", 1_234_567: "1.23M", 12_345_678_901: "12.3G", 1<<64 - 1: "18.4E"} {
		require.Equal(t, want, Brief(n))
	}
	for _, c := range []struct {
		part, whole uint64
		want        string
	}{{0, 0, "0%"}, {0, 5, "0%"}, {1, 100_000, "<0.1%"}, {1, 1000, "0.1%"}, {661, 1000, "66.1%"}, {2, 3, "66.6%"}, {99_999, 100_000, "99.9%"}, {5, 5, "100%"}} {
		require.Equal(t, c.want, Share(c.part, c.whole), "%d of %d", c.part, c.whole)
	}
	for d, want := range map[time.Duration]string{0: "0s", 400 * time.Millisecond: "0s", 10 * time.Second: "10s", 310 * time.Second: "5m10s", 5 * time.Minute: "5m", 125 * time.Minute: "2h5m", 2*time.Hour + 3*time.Second: "2h",
		76 * time.Hour: "3d4h", 48*time.Hour - time.Millisecond: "2d"} {
		require.Equal(t, want, Long(d))
	}
	require.NotContains(t, strings.Join([]string{Brief(1), Share(1, 3), Long(time.Hour)}, ""), " ", "a cell that a line could be broken in")
}
