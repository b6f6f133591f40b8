package vexriscv.demo

/** VexRiscv's decoder bench, which we never run, refers to this demo; the real one needs a YAML library. */
object GenFull {
  def cpu(): vexriscv.VexRiscv = throw new UnsupportedOperationException("the decoder bench is not part of this build")
}
