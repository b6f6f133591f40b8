package softsoc

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path, Paths}
import spinal.core.{ClockDomainConfig, SYNC, SpinalConfig}

/** Writes `VexRiscv.v` for each pair of an options file and a folder: `GenerateCore OPTIONS FOLDER [OPTIONS FOLDER]...`
  *
  * Many pairs share one virtual machine, which costs a tenth of starting one each. A core that cannot be made is
  * reported on stderr; the others are still written, and the exit code is 1.
  */
object GenerateCore {
  def main(arguments: Array[String]): Unit = {
    if (arguments.isEmpty || arguments.length % 2 != 0) {
      System.err.println("usage: GenerateCore OPTIONS FOLDER [OPTIONS FOLDER]...")
      sys.exit(2)
    }
    val made = for (Array(options, folder) <- arguments.grouped(2)) yield generate(Paths.get(options), Paths.get(folder))
    sys.exit(if (made.toList.forall(identity)) 0 else 1) // always: SpinalHDL leaves threads behind when it fails
  }

  private def generate(optionsFile: Path, folder: Path): Boolean =
    try {
      val options = Options.read(optionsFile)
      Files.createDirectories(folder)
      SpinalConfig(
        targetDirectory = folder.toString,
        netlistFileName = "VexRiscv.v",
        defaultConfigForClockDomains = ClockDomainConfig(resetKind = SYNC),
        headerWithDate = false,
        headerWithRepoHash = false
      ).addTransformationPhase(new BlockRamPhase).generateVerilog(Core(options).setDefinitionName("VexRiscv"))
      makePrivate(folder.resolve("VexRiscv.v"))
      true
    } catch {
      case error: Throwable =>
        System.err.println(s"GenerateCore: $optionsFile: $error")
        error.printStackTrace()
        false
    }

  /** Signals marked public for VexRiscv's own test bench keep Verilator from optimising. */
  private def makePrivate(verilog: Path): Unit = {
    val text = new String(Files.readAllBytes(verilog), UTF_8)
    Files.write(verilog, text.replaceAll(" */\\* verilator public \\*/ *", " ").getBytes(UTF_8))
  }
}
