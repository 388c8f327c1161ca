package grade

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Keys of the seeds that are not the course's secret. Whoever changes one changes every grade.
const (
	publicKey = "firstgap: public tests"
	knownKey  = "firstgap: hidden tests, without a secret"
)

// Bounds of a course's secret, in bytes.
const (
	LeastSecret = 16
	MostSecret  = 4096
)

// A SecretError says why a file is no course's secret.
type SecretError struct {
	File  string
	Found int // bytes; one more than MostSecret stands for all above
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("secret %s: expected %d to %d bytes, found %d", e.File, LeastSecret, MostSecret, e.Found)
}

// ReadSecret reads the secret of a course.
func ReadSecret(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	secret, err := io.ReadAll(io.LimitReader(f, MostSecret+1))
	if err != nil {
		return nil, err
	}
	if len(secret) < LeastSecret || len(secret) > MostSecret {
		return nil, &SecretError{File: file, Found: len(secret)}
	}
	return secret, nil
}

// seedOf draws the seed of a run from a key. Knowing some of the seeds tells nothing of the others: the key is a MAC's, so that a
// public test gives nothing of the secret away.
func seedOf(key []byte, lab int, test string, run int) uint64 {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%d\x00%s\x00%d", lab, test, run)
	return binary.BigEndian.Uint64(m.Sum(nil))
}
