// Package bucket keeps backups where users keep things: in a folder, or in whatever else gocloud.dev/blob can open.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/memblob"  // mem://name, for as long as the process lives
	"gocloud.dev/gcerrors"

	"github.com/firstgap/firstgap/impl/backup"
)

// A Bucket holds the objects of one backup. It is a backup.Source.
type Bucket struct {
	ctx context.Context
	b   *blob.Bucket
	url string
}

// Open opens a bucket by its URL: file:///folder, or mem://name. With create, the folder is made when it is not there.
func Open(ctx context.Context, location string, create bool) (*Bucket, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("bucket: %w", err)
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || u.Path == "" || u.Path == "/" {
			return nil, fmt.Errorf("bucket %s: expected file:///folder, with three slashes", location)
		}
		q := u.Query()
		q.Set("metadata", "skip") // the objects alone: what they are is in their names
		q.Set("no_tmp_dir", "true")
		if create {
			q.Set("create_dir", "true")
		}
		u.RawQuery = q.Encode()
	case "mem":
	default:
		return nil, fmt.Errorf("bucket %s: expected file:///folder or mem://name", location)
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", location, err)
	}
	return &Bucket{ctx: ctx, b: b, url: location}, nil
}

// Close lets the bucket go.
func (b *Bucket) Close() error { return b.b.Close() }

// Get implements backup.Source.
func (b *Bucket) Get(name string) ([]byte, error) {
	data, err := b.b.ReadAll(b.ctx, name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, &backup.MissingError{Name: name}
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %s: %w", b.url, name, err)
	}
	return data, nil
}

// List implements backup.Source.
func (b *Bucket) List(prefix string) ([]string, error) {
	var names []string
	for it := b.b.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := it.Next(b.ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", b.url, err)
		}
		names = append(names, o.Key)
	}
}

// Copy puts all objects of a backup into the bucket, and returns how many they are. The bucket must hold no other: objects
// of two volumes make none.
func (b *Bucket) Copy(from backup.Source) (int, error) {
	there, err := b.List("")
	if err != nil {
		return 0, err
	}
	if len(there) > 0 {
		return 0, fmt.Errorf("bucket %s: expected an empty one, found %d objects, such as %s", b.url, len(there), there[0])
	}
	names, err := from.List("")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		data, err := from.Get(name)
		if err == nil {
			err = b.b.WriteAll(b.ctx, name, data, nil)
		}
		if err != nil {
			return 0, fmt.Errorf("bucket %s: %s: %w", b.url, name, err)
		}
	}
	return len(names), nil
}
