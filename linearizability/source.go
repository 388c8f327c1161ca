package linearizability

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxInput bounds a record in bytes, after it was decompressed.
const maxInput = 64 << 30

// lookahead is how many bytes of a record are looked at to tell its format. When they tell nothing, more are looked at, up to
// maxLookahead: a log says much before its first operation, and a first line may be long.
const (
	lookahead    = 64 << 10
	maxLookahead = 32 << 20
)

// chunk is how many bytes are read ahead at a time.
const chunk = 256 << 10

var byteOrderMark = []byte("\xef\xbb\xbf")

// An input is a record that is being read: decompressed, without its byte order mark, and no longer than allowed.
type input struct {
	*bufio.Reader
	name       string
	options    Options
	stop       func()
	plain      *bounded
	compressed bool
	size       int64  // in bytes, when it is known
	long       []byte // a line that did not fit into the reader's buffer
	lines      int    // read so far
}

// open begins to read a record. The reading ends with the context, even while the source gives nothing. The caller must
// call the input's stop.
func open(ctx context.Context, name string, from io.Reader, options Options) (*input, error) {
	ctx, cancel := context.WithCancel(ctx)
	in := &input{name: name, options: options, stop: cancel}
	raw := bufio.NewReaderSize(ahead(ctx, from), lookahead)
	plain, err := decompressed(raw)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if in.compressed = plain != raw; in.compressed {
		plain = bufio.NewReaderSize(ahead(ctx, plain), lookahead)
	}
	in.plain = &bounded{ctx: ctx, from: plain, left: maxInput}
	in.Reader = bufio.NewReaderSize(in.plain, chunk)
	if mark, _ := in.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
		in.Discard(len(byteOrderMark))
	}
	return in, nil
}

// decompressed tells by the first bytes how the record is compressed.
func decompressed(raw *bufio.Reader) (*bufio.Reader, error) {
	magic, _ := raw.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err := gzip.NewReader(raw)
		if err != nil {
			return nil, fmt.Errorf("expected gzip, as the first bytes say, found %w", err)
		}
		return bufio.NewReader(plain), nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		plain, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, fmt.Errorf("expected zstd, as the first bytes say, found %w", err)
		}
		return bufio.NewReader(plain), nil
	}
	return raw, nil
}

// bounded ends a record that is too long, and makes of a compressed one that was cut off a plain one that was cut off.
type bounded struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (b *bounded) Read(into []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.from.Read(into)
	if b.left -= int64(n); b.left < 0 {
		return 0, &LimitError{Limit: "input", Max: fmt.Sprintf("%d bytes", int64(maxInput))}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// A piece is what one read gave.
type piece struct {
	data []byte
	err  error
}

// An aheadReader reads in a goroutine of its own, so that a source that gives nothing, such as a terminal, does not outlast
// the context, and so that decompression and parsing take two cores.
type aheadReader struct {
	ctx    context.Context
	pieces <-chan piece
	used   chan<- []byte // buffers to be filled again
	now    piece
	left   []byte // of now, what was not read yet
}

func ahead(ctx context.Context, from io.Reader) *aheadReader {
	const buffers = 3
	pieces, used := make(chan piece, buffers), make(chan []byte, buffers)
	for range buffers {
		used <- make([]byte, chunk)
	}
	go func() {
		for {
			select {
			case data := <-used:
				n, err := from.Read(data[:chunk])
				pieces <- piece{data[:n], err} // there is room for every buffer
				if err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return &aheadReader{ctx: ctx, pieces: pieces, used: used}
}

func (a *aheadReader) Read(into []byte) (int, error) {
	for len(a.left) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			a.used <- a.now.data
			a.now.data = nil
		}
		select {
		case a.now = <-a.pieces:
			a.left = a.now.data
		case <-a.ctx.Done():
			return 0, context.Cause(a.ctx)
		}
	}
	n := copy(into, a.left)
	a.left = a.left[n:]
	return n, nil
}

// line is the next line without its newline; it is good until the next call. It is open when the record ends without a
// newline there. The error is io.EOF behind the last line.
func (in *input) line() (text []byte, open bool, err error) {
	text, err = in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		in.long = append(in.long[:0], text...)
		for err == bufio.ErrBufferFull {
			text, err = in.ReadSlice('\n')
			in.long = append(in.long, text...)
		}
		text = in.long
	}
	switch {
	case err == io.EOF && len(text) > 0:
		in.lines++
		return text, true, nil
	case err != nil:
		return nil, false, err
	}
	in.lines++
	return text[:len(text)-1], false, nil
}

// count is how many bytes of the record were read.
func (in *input) count() int64 { return maxInput - in.plain.left - int64(in.Buffered()) }

// fail says where the record cannot be read.
func (in *input) fail(line, column int, problem string) error {
	return &LineError{Name: in.name, Line: line, Column: column, Problem: problem}
}
