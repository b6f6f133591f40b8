package softsoc

import spinal.core.SpinalConfig
import vexriscv.VexRiscv
import vexriscv.demo._

/** Writes VexRiscv's own demonstration cores, one `NAME.v` each, into the folder that it is given. */
object GenerateDemos {
  private val cores: Seq[(String, () => VexRiscv)] = Seq(
    "GenSmallestNoCsr" -> (() => GenSmallestNoCsr.cpu()),
    "GenSmallest" -> (() => GenSmallest.cpu()),
    "GenSmallAndProductive" -> (() => GenSmallAndProductive.cpu()),
    "GenSmallAndProductiveICache" -> (() => GenSmallAndProductiveICache.cpu()),
    "GenFullNoMmuNoCache" -> (() => GenFullNoMmuNoCache.cpu()),
    "GenFullNoMmu" -> (() => GenFullNoMmu.cpu()),
    "GenFullNoMmuMaxPerf" -> (() => GenFullNoMmuMaxPerf.cpu()),
    "GenFull" -> (() => GenFull.cpu())
  )

  def main(arguments: Array[String]): Unit = {
    for ((name, cpu) <- cores)
      SpinalConfig(
        targetDirectory = arguments.head,
        netlistFileName = s"$name.v",
        headerWithDate = false,
        headerWithRepoHash = false
      ).generateVerilog(cpu().setDefinitionName(name))
    sys.exit(0)
  }
}
