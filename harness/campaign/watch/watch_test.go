package watch

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// full is a status with all that a status can have.
func full() *Status {
	s := &Status{
		Campaign: "nightly", System: "aurora", Build: "876857f12ab3",
		Elapsed: 2*time.Hour + 13*time.Minute, Left: 47 * time.Minute,
		Done: 1_234_567, InProgress: 512, Asked: 2_000_000, Rate: 154.3, LastMinute: 412.25,
		Arms: []Arm{
			{Arm: job.Random, Passed: 411_500, Violations: 20, Untold: 2, Work: 1_234_567_890, New: 2101},
			{Arm: job.Guided, Passed: 822_000, Violations: 1045, Work: 2_345_678_901, New: 48_111},
			{Arm: job.Kept},
		},
		Shapes: Shapes{Had: 12_345, LastHour: 120, Unseen: 0.0312},
		Failures: Failures{Distinct: 3, Total: 1067, ByCheck: map[judge.Check]uint64{faults.Durability: 1000, faults.Trace: 67}, Shrinking: 1, Explaining: 1, Waiting: 4,
			Latest: &Latest{Check: faults.Durability, Number: 1_234_001, Sentence: "transaction 17: lost: expected row 12 to have the value of an acknowledged commit, found that of the one before it"}},
		GivenUp: 2, Workers: 8, Queue: Queue{Waiting: 1024, Out: 16, Redelivered: 12}, Bytes: 1_234_567_890, SetAside: 2,
	}
	for i, w := range []string{"tiny", "six", "aborts"} {
		for j, k := range []string{"states", "transitions", "pairs"} {
			size := uint64(8808 * (1 + i*j + j))
			s.Spaces = append(s.Spaces, Space{coverage.Space{World: w, Kind: k, Size: size}, size * uint64(10-3*i) / 10, uint64(i * i * i * 712)})
		}
	}
	return s
}

func TestTheLinesOfAPanel(t *testing.T) {
	require.Equal(t, `campaign    nightly, of aurora, build 876857f12ab3
time        2h13m, 47m left, 8 workers
jobs        1,234,567 of 2,000,000 done, 512 in progress
speed       412 jobs/s in the last minute, 154 overall
failures    3 distinct, 1,067 in all
            job 1234001: durability: transaction 17: lost:
            expected row 12 to have the value of an acknow…
            1 shrinking, 1 explaining, 4 waiting for that
given up    2 jobs that no worker came to the end of
arm            jobs   work  failed    new  per 1k jobs
random      411,522  1.23G      22   2101          5.1
guided      823,045  2.35G    1045  48.1k         58.5
world            states  transitions        pairs
tiny               100%         100%         100%
six          69.9% +712   69.9% +712   70.0% +712
aborts      39.9% +5696  39.9% +5696  39.9% +5696
shapes      12,345, +120 in the last hour, an estimated
            3.1% of a run unseen
store       1.235 GB, 2 damaged parts set aside
queue       1,024 waiting, 16 out, 12 out once more`, strings.Join(lines(full(), &text.Screen{Width: 59}, mostRows), "\n"))
	require.Equal(t, `campaign    of no system, build unknown
time        0s, 0 workers
jobs        0 done, 0 in progress
speed       0.0 jobs/s in the last minute, 0.0 overall
failures    0 distinct, 0 in all
shapes      0, +0 in the last hour, an estimated 0% of a
            run unseen
store       0 B
queue       0 waiting, 0 out, 0 out once more`, strings.Join(lines(&Status{}, &text.Screen{Width: 59}, mostRows), "\n"))
}

// What cannot be told is not told as if it could: a minute's jobs before a minute is over, and coverage of a model that is not the system's.
func TestAYoungCampaignOfAnotherModel(t *testing.T) {
	s := full()
	s.Elapsed, s.Rate, s.LastMinute = 59*time.Second, 12, 0
	for i := range s.Spaces {
		s.Spaces[i].Reached, s.Spaces[i].LastHour = 0, 0
	}
	got := strings.Join(lines(s, &text.Screen{Width: 79}, mostRows), "\n")
	require.Contains(t, got, "speed       12.0 jobs/s in the last minute, 12.0 overall\n")
	require.Contains(t, got, "worlds      no run came through an enumerated world\n")
	require.NotContains(t, got, "tiny")
	require.Contains(t, Line(s), " 12.0 a second, ")
	s.Elapsed = time.Minute
	require.Contains(t, Line(s), " 0.0 a second, ", "a campaign that stands still is said to go on")
}

// crowded has more worlds than there are rows, and names and sentences that are longer than any line.
func crowded() *Status {
	s := full()
	for i := range 12 {
		for _, k := range []string{"states", "transitions", "pairs"} {
			s.Spaces = append(s.Spaces, Space{coverage.Space{World: fmt.Sprintf("a world %d", i), Kind: k, Size: 1 << 40}, 1<<40 - 1, 1 << 33})
		}
	}
	s.Arms = append(s.Arms, Arm{Arm: job.Model, Untold: 3, Work: 1 << 63, New: 7})
	s.Arms[2].Passed = 1
	s.Campaign = strings.Repeat("name of a campaign ", 20)
	s.Failures.Latest.Sentence = strings.Repeat("a sentence ", 90)
	return s
}

// At every width and height the lines fit, no colour changes them, and what matters most is there.
func TestThePanelAtEverySize(t *testing.T) {
	for name, s := range map[string]*Status{"full": full(), "empty": {}, "crowded": crowded()} {
		for width := 59; width <= 240; width += 1 + width/30 {
			plain := lines(s, &text.Screen{Width: width}, mostRows)
			require.LessOrEqual(t, len(plain), mostRows, "%s at %d", name, width)
			for _, line := range plain {
				require.LessOrEqual(t, utf8.RuneCountInString(line), width, "%s at %d: %s", name, width, line)
			}
			require.True(t, strings.HasPrefix(plain[len(plain)-1], "queue "), "%s at %d: %s", name, width, strings.Join(plain, "\n"))
			coloured := strings.Join(lines(s, &text.Screen{Width: width, Colour: true}, mostRows), "\n")
			require.Equal(t, strings.Join(plain, "\n"), regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured, ""))
			require.Contains(t, coloured, "\x1b[3")
		}
		for most := 1; most <= mostRows; most++ {
			require.LessOrEqual(t, len(lines(s, &text.Screen{Width: 79}, most)), most, name)
		}
		require.Contains(t, strings.Join(lines(s, &text.Screen{Width: 79}, 9), "\n"), "failures  ")
	}
	got := strings.Join(lines(crowded(), &text.Screen{Width: 79}, mostRows), "\n")
	require.Regexp(t, `\d+ more; \d+\.\d% of all worlds|\d+ worlds more`, got)
}

// clock is a clock that stands still until it is put forward.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

// writes keeps what was written, each write apart.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, string(b))
	return len(b), nil
}

func TestAPanelOnATerminal(t *testing.T) {
	for _, colour := range []bool{true, false} {
		var w writes
		c := &clock{now: time.Unix(1000, 0)}
		p := newPanel(&w, &text.Terminal{Writer: &w, Size: func() (int, int) { return 80, 24 }, Colour: colour}, c.read)
		require.Equal(t, often, p.Every())
		p.Show(full())
		p.Show(full())
		require.Len(t, w, 1, "shown too soon, or by more than one write")
		c.now = c.now.Add(often)
		p.Show(full())
		require.Len(t, w, 2)
		rows := strings.Count(w[0], "\n")
		require.True(t, strings.HasPrefix(w[1], fmt.Sprintf("\x1b[%dA\r", rows)), "%q does not begin where the one before did", w[1])
		require.NotContains(t, w[1], "\x1b[2J", "what is cleared before it is drawn flickers")
		require.Equal(t, colour, strings.Contains(w[0], "\x1b[31m"))
		p.Say("job 5: durability")
		require.Len(t, w, 3)
		require.Contains(t, w[2], "\rjob 5: durability\x1b[K\ncampaign ")
		last := full()
		last.Done = 2_000_000
		p.Show(last)
		require.Len(t, w, 3)
		p.End()
		require.Len(t, w, 4)
		require.Contains(t, w[3], "2,000,000 of 2,000,000 done", "the last state is not the one that stays")
		p.End()
		p.Show(last)
		p.Say("too late")
		require.Len(t, w, 4)
	}
}

func TestAPanelInALog(t *testing.T) {
	var b bytes.Buffer
	c := &clock{now: time.Unix(1000, 0)}
	p := NewPanel(&b, c.read)
	require.Equal(t, seldom, p.Every())
	s := full()
	for i := range 5 * 60 {
		s = full()
		s.Elapsed = time.Duration(i) * time.Second
		p.Show(s)
		c.now = c.now.Add(time.Second)
	}
	p.Say("job 5: durability")
	require.NotContains(t, b.String(), "\x1b")
	shown := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, shown, 6)
	require.Equal(t, "nightly: 1m, 1,234,567 of 2,000,000 jobs, 412 a second, 8 workers, 63.3% of the enumerated worlds, +19,224 in the last hour, "+
		"12,345 shapes, an estimated 3.1% of a run unseen, 3 distinct of 1,067 failures, 2 given up, 2 set aside, 47m left", shown[1])
	require.Equal(t, "job 5: durability", shown[5])
	b.Reset()
	p.End()
	require.Equal(t, strings.Join(lines(s, &text.Screen{}, mostRows), "\n")+"\n", b.String())
	require.Equal(t, "campaign: 0s, 0 jobs, 0.0 a second, 0 workers, 0 shapes, an estimated 0% of a run unseen, no failures", Line(&Status{}))
	b.Reset()
	p = NewPanel(&b, c.read)
	p.End()
	require.Empty(t, b.String(), "of a campaign that never said how it stands")
}

// A finding has what a program answered: a terminal obeys none of it.
func TestWhatATerminalWouldObeyIsNotShown(t *testing.T) {
	s := full()
	s.Failures.Latest.Sentence = "found \x1b]0;title\x07 and \u009b31m\nmore"
	got := strings.Join(lines(s, &text.Screen{Width: 79}, mostRows), "\n")
	require.Contains(t, got, "found ?]0;title? and ?31m")
	require.NotContains(t, got, "\x1b")
	require.NotContains(t, got, "more\n")
	s.Campaign = "name\x1b[2J"
	require.NotContains(t, strings.Join(lines(s, &text.Screen{}, mostRows), "\n"), "\x1b")
	require.NotContains(t, Line(s), "\x1b")
}

func TestLately(t *testing.T) {
	l := NewLately(time.Hour)
	require.Zero(t, l.Gained())
	require.Zero(t, l.Rate())
	at := time.Unix(1000, 0)
	l.Note(at, 100)
	require.Zero(t, l.Gained(), "what was there before was not gained")
	for i := range 3 * 3600 { // a feature a second for three hours
		l.Note(at.Add(time.Duration(i+1)*time.Second), uint64(101+i))
	}
	require.InDelta(t, 3600, l.Gained(), 3600/moments+1)
	require.InDelta(t, 1, l.Rate(), 1e-9)
	require.LessOrEqual(t, len(l.kept), moments+3, "the memory is not bounded")
	l.Note(at.Add(9*time.Hour), 20_000)
	l.Note(at.Add(10*time.Hour), 20_000)
	require.Zero(t, l.Gained(), "nothing was new in the last hour")
	l.Note(at.Add(10*time.Hour), 3)
	require.Zero(t, l.Gained(), "a total that shrank gained nothing")
}
